// The variant descriptors travel inside the binary, so that an installed bertconv needs no file of its checkout. A family
// is one line here.
#include "zoo_data.h"

static const unsigned char variants[] = {
#embed "../../Zoo/Variants/albert.json" suffix(, 0, )
#embed "../../Zoo/Variants/bert.json" suffix(, 0, )
#embed "../../Zoo/Variants/camembert.json" suffix(, 0, )
#embed "../../Zoo/Variants/convbert.json" suffix(, 0, )
#embed "../../Zoo/Variants/data2vec-text.json" suffix(, 0, )
#embed "../../Zoo/Variants/distilbert.json" suffix(, 0, )
#embed "../../Zoo/Variants/electra.json" suffix(, 0, )
#embed "../../Zoo/Variants/flaubert.json" suffix(, 0, )
#embed "../../Zoo/Variants/funnel.json" suffix(, 0, )
#embed "../../Zoo/Variants/longformer.json" suffix(, 0, )
#embed "../../Zoo/Variants/roberta.json" suffix(, 0, )
#embed "../../Zoo/Variants/xlm.json" suffix(, 0, )
#embed "../../Zoo/Variants/xlm-roberta.json" suffix(, 0, )
#embed "../../Zoo/Variants/xlm-roberta-xl.json" suffix(, 0, )
};

static const unsigned char layouts[] = {
#embed "../../Zoo/Layouts/huggingface-tf-keras.json" suffix(, 0, )
#embed "../../Zoo/Layouts/huggingface-tf-objects.json" suffix(, 0, )
#embed "../../Zoo/Layouts/huggingface-tf-sharded.json" suffix(, 0, )
#embed "../../Zoo/Layouts/huggingface-tf.json" suffix(, 0, )
#embed "../../Zoo/Layouts/kerashub-whole.json" suffix(, 0, )
#embed "../../Zoo/Layouts/kerashub.json" suffix(, 0, )
};

const unsigned char *bertconv_zoo_variants(size_t *length) {
  *length = sizeof variants;
  return variants;
}

const unsigned char *bertconv_zoo_layouts(size_t *length) {
  *length = sizeof layouts;
  return layouts;
}
