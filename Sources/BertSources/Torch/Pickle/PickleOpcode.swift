/// The opcodes of pickle protocols 0 to 5, as Python's pickletools lists them; any other byte is refused (R-PKL-02).
enum PickleOpcode: UInt8 {
  case mark = 0x28  // (
  case stop = 0x2e  // .
  case pop = 0x30  // 0
  case popMark = 0x31  // 1
  case duplicate = 0x32  // 2
  case floatText = 0x46  // F
  case integerText = 0x49  // I
  case integer32 = 0x4a  // J
  case integer8 = 0x4b  // K
  case longText = 0x4c  // L
  case integer16 = 0x4d  // M
  case none = 0x4e  // N
  case persistentText = 0x50  // P
  case persistentID = 0x51  // Q
  case reduce = 0x52  // R
  case stringText = 0x53  // S
  case string32 = 0x54  // T
  case string8 = 0x55  // U
  case unicodeText = 0x56  // V
  case unicode32 = 0x58  // X
  case append = 0x61  // a
  case build = 0x62  // b
  case global = 0x63  // c
  case dictionary = 0x64  // d
  case emptyDictionary = 0x7d  // }
  case appends = 0x65  // e
  case getText = 0x67  // g
  case get8 = 0x68  // h
  case instance = 0x69  // i
  case get32 = 0x6a  // j
  case list = 0x6c  // l
  case emptyList = 0x5d  // ]
  case object = 0x6f  // o
  case putText = 0x70  // p
  case put8 = 0x71  // q
  case put32 = 0x72  // r
  case setItem = 0x73  // s
  case tuple = 0x74  // t
  case emptyTuple = 0x29  // )
  case setItems = 0x75  // u
  case double = 0x47  // G
  // Protocol 2
  case proto = 0x80
  case newObject = 0x81
  case extension8 = 0x82
  case extension16 = 0x83
  case extension32 = 0x84
  case tuple1 = 0x85
  case tuple2 = 0x86
  case tuple3 = 0x87
  case newTrue = 0x88
  case newFalse = 0x89
  case long8 = 0x8a
  case long32 = 0x8b
  // Protocol 3
  case bytes32 = 0x42  // B
  case bytes8 = 0x43  // C
  // Protocol 4
  case unicode8 = 0x8c
  case unicode64 = 0x8d
  case bytes64 = 0x8e
  case emptySet = 0x8f
  case addItems = 0x90
  case frozenSet = 0x91
  case newObjectWithKeywords = 0x92
  case stackGlobal = 0x93
  case memoize = 0x94
  case frame = 0x95
  // Protocol 5
  case byteArray64 = 0x96
  case nextBuffer = 0x97
  case readOnlyBuffer = 0x98
}
