import BertCore
import BertSources
import CHDF5
import TestSupport

/// Copies of fixtures with one change, made through the library.
struct HDF5Edit {
  let file: hid_t

  /// Copies a file of Tests/Fixtures/hdf5, changes the copy and returns its path.
  static func copy(_ fixture: String, in folder: TemporaryFolder, _ change: (HDF5Edit) -> Void) throws -> String {
    let good = try InputFile(Fixtures.path("hdf5/\(fixture).h5")).contents(limit: 1 << 20)
    let path = try folder.write("edited.h5", good)
    try HDF5Library.exclusively {
      let edit = HDF5Edit(file: H5Fopen(path, 1, bertconv_h5_default()))
      change(edit)
      H5Fclose(edit.file)
    }
    return path
  }

  /// Puts a dataset of the same type, shape and chunks in another's place, whose cut chunks at the edge pass no filter.
  func leaveEdgesUnfiltered(of path: String) {
    let old = H5Dopen2(file, path, 0)
    let (type, space, creation) = (H5Dget_type(old), H5Dget_space(old), H5Dget_create_plist(old))
    H5Ldelete(file, path, 0)
    H5Pset_chunk_opts(creation, 2)
    let new = H5Dcreate2(file, path, type, space, 0, creation, 0)
    let values = [Float](repeating: 1, count: Int(H5Sget_simple_extent_npoints(space)))
    H5Dwrite(new, type, bertconv_h5_whole_space(), bertconv_h5_whole_space(), 0, values)
    for id in [new, creation, space, type, old] { H5Idec_ref(id) }
  }

  func group(_ path: String) { H5Gclose(H5Gcreate2(file, path, 0, 0, 0)) }

  func remove(_ path: String) { H5Ldelete(file, path, 0) }

  func softLink(_ path: String, to target: String) { H5Lcreate_soft(target, file, path, 0, 0) }

  func hardLink(_ path: String, to target: String) { H5Lcreate_hard(file, target, file, path, 0, 0) }

  /// A scalar text of variable length, as Keras writes its configuration.
  func text(_ name: String, _ value: String, of path: String = "/") {
    let owner = H5Oopen(file, path, 0)
    let names = H5Aopen_by_name(file, "/", "keras_version", 0, 0)
    let type = bertconv_h5_text_type(H5Aget_type(names))
    let space = H5Screate(H5S_SCALAR)
    H5Adelete(owner, name)
    let attribute = H5Acreate2(owner, name, type, space, 0, 0)
    value.withCString {
      var pointer: UnsafePointer<CChar>? = $0; H5Awrite(attribute, type, &pointer)
    }
    for id in [attribute, space, type, names, owner] { H5Idec_ref(id) }
  }
}
