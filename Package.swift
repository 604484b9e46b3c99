// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [.treatAllWarnings(as: .error)]

/// A Swift module of ours; `needs` are modules of ours or C libraries.
func module(_ name: String, needs: [String] = [], exclude: [String] = []) -> Target {
  .target(
    name: name, dependencies: needs.map { .byName(name: $0) }, exclude: exclude, swiftSettings: strict)
}

/// A test target beside the module it tests; all of them share `TestSupport`.
func tests(_ name: String, needs: [String]) -> Target {
  .testTarget(
    name: name, dependencies: (needs + ["TestSupport"]).map { .byName(name: $0) }, swiftSettings: strict)
}

func library(_ name: String, pkgConfig: String, package: String) -> Target {
  .systemLibrary(name: name, pkgConfig: pkgConfig, providers: [.apt([package])])
}

let package = Package(
  name: "bertconv",
  products: [
    .executable(name: "bertconv", targets: ["bertconv"]),
    .library(name: "BertConvKit", targets: ["BertConvKit"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
  ],
  targets: [
    library("CHDF5", pkgConfig: "hdf5-serial", package: "libhdf5-dev"),
    library("CZip", pkgConfig: "libzip", package: "libzip-dev"),
    library("CProtobufC", pkgConfig: "libprotobuf-c", package: "libprotobuf-c-dev"),
    library("CCrypto", pkgConfig: "libcrypto", package: "libssl-dev"),
    .target(name: "CChecksum"),
    .target(name: "CElements"),
    .target(name: "CSystem"),
    .target(name: "CKernels"),
    .target(name: "CZooData"),
    .target(name: "CTensorFlowMessages", dependencies: ["CProtobufC"]),

    module("BertCore", needs: ["CCrypto", "CChecksum", "CSystem"]),
    module("BertSources", needs: ["BertCore", "CHDF5", "CZip", "CProtobufC", "CTensorFlowMessages"]),
    module("BertZoo", needs: ["BertCore", "CZooData"]),
    module("BertPlan", needs: ["BertCore", "BertZoo"]),
    module("BertFormat", needs: ["BertCore", "BertZoo"]),
    module("BertRuntime", needs: ["BertCore", "BertZoo", "CKernels"]),
    module(
      "BertConvKit",
      needs: ["BertCore", "BertSources", "BertZoo", "BertPlan", "BertFormat", "BertRuntime", "CElements"]),
    .executableTarget(
      name: "bertconv",
      dependencies: [
        "BertConvKit", "BertCore",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: strict),

    .target(name: "TestSupport", dependencies: ["BertCore"], path: "Tests/TestSupport", swiftSettings: strict),
    .target(
      name: "ChangedModels",
      dependencies: ["BertConvKit", "BertCore", "BertFormat", "BertZoo", "TestSupport"],
      path: "Tests/ChangedModels", swiftSettings: strict),
    .executableTarget(
      name: "bertconv-mutate",
      dependencies: [
        "BertConvKit", "BertCore", "BertPlan", "BertRuntime", "BertZoo", "ChangedModels", "TestSupport",
      ],
      path: "Tests/Mutation", swiftSettings: strict),
    .executableTarget(
      name: "bertconv-kernels", dependencies: ["BertCore", "BertRuntime", "BertZoo", "CElements", "CKernels"],
      path: "Tests/KernelBench", swiftSettings: strict),
    tests("BertCoreTests", needs: ["BertCore", "CChecksum"]),
    tests("BertSourcesTests", needs: ["BertCore", "BertSources"]),
    tests("BertZooTests", needs: ["BertCore", "BertZoo"]),
    tests("BertPlanTests", needs: ["BertCore", "BertZoo", "BertPlan"]),
    tests("BertFormatTests", needs: ["BertCore", "BertZoo", "BertFormat"]),
    tests("BertRuntimeTests", needs: ["BertCore", "BertZoo", "BertRuntime", "BertSources", "CKernels"]),
    tests(
      "EndToEndTests",
      needs: [
        "BertCore", "BertFormat", "BertSources", "BertZoo", "BertPlan", "BertConvKit", "bertconv", "ChangedModels",
      ]),
  ],
  swiftLanguageModes: [.v6],
  cLanguageStandard: .gnu2x
)
