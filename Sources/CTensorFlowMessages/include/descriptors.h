#pragma once
#include "tensorflow_checkpoint.pb-c.h"
#include "tensorflow_object_graph.pb-c.h"

// Swift sees a constant of a type that holds pointers as shared mutable state; what a function returns it does not.
#define BERTCONV_DESCRIPTOR(function, symbol) \
  static inline const ProtobufCMessageDescriptor *function(void) { return &symbol; }

BERTCONV_DESCRIPTOR(tf_bundle_header_descriptor, tf__bundle_header__descriptor)
BERTCONV_DESCRIPTOR(tf_bundle_entry_descriptor, tf__bundle_entry__descriptor)
BERTCONV_DESCRIPTOR(tf_tensor_shape_descriptor, tf__tensor_shape__descriptor)
BERTCONV_DESCRIPTOR(tf_tensor_slice_descriptor, tf__tensor_slice__descriptor)
BERTCONV_DESCRIPTOR(tf_saved_tensor_slices_descriptor, tf__saved_tensor_slices__descriptor)
BERTCONV_DESCRIPTOR(tf_object_graph_descriptor, tf__trackable_object_graph__descriptor)
