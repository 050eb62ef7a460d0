// swift-tools-version: 6.2
import PackageDescription

// The `dependencies:` lists below are the architecture (ARCHITECTURE.md draws them). SwiftPM does not hold sources to
// them, so `make lint` runs scripts/check-imports.py, which does.

let strict: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .treatAllWarnings(as: .error),
]

/// Targets that need libllama exist only with the `Llama` trait, so everything else builds and tests on a machine without it.
let llama: [TargetDependency] = [.target(name: "AtelierLlama", condition: .when(traits: ["Llama"]))]
typealias TargetDependency = Target.Dependency

let hummingbird = TargetDependency.product(name: "Hummingbird", package: "hummingbird")
let httpClient = TargetDependency.product(name: "AsyncHTTPClient", package: "async-http-client")
let logging = TargetDependency.product(name: "Logging", package: "swift-log")
let lifecycle = TargetDependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let signals = TargetDependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
let arguments = TargetDependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let configuration = TargetDependency.product(name: "Configuration", package: "swift-configuration")
let crypto = TargetDependency.product(name: "Crypto", package: "swift-crypto")
let grdb = TargetDependency.product(name: "GRDB", package: "GRDB.swift")
let nioCore = TargetDependency.product(name: "NIOCore", package: "swift-nio")
let nioHTTP1 = TargetDependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioPosix = TargetDependency.product(name: "NIOPosix", package: "swift-nio")
let nioEmbedded = TargetDependency.product(name: "NIOEmbedded", package: "swift-nio")
let nioSSL = TargetDependency.product(name: "NIOSSL", package: "swift-nio-ssl")

let package = Package(
  name: "atelier",
  platforms: [.macOS(.v15)],
  products: [
    .executable(name: "atelier", targets: ["atelier"]),
    .executable(name: "atelier-worker", targets: ["atelier-worker"]),
  ],
  traits: [
    .trait(name: "Llama", description: "Link llama.cpp into the worker."),
    .default(enabledTraits: ["Llama"]),
  ],
  dependencies: [
    .package(url: "https://github.com/hummingbird-project/hummingbird.git", from: "2.28.1"),
    .package(url: "https://github.com/swift-server/async-http-client.git", from: "1.37.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
    .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-nio-ssl.git", from: "2.36.0"),
    .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
    .package(
      url: "https://github.com/apple/swift-configuration.git", from: "1.4.0", traits: ["JSON", "CommandLineArguments"]),
    .package(url: "https://github.com/apple/swift-crypto.git", from: "4.5.2"),
    .package(url: "https://github.com/groue/GRDB.swift.git", from: "7.10.0"),
  ],
  targets: [
    // Vocabulary: imports Foundation only.
    .target(name: "AtelierCore", swiftSettings: strict),

    // The way out: every outbound HTTP request, under one set of address rules.
    .target(
      name: "AtelierEgress", dependencies: ["AtelierCore", httpClient, nioCore, nioHTTP1, nioPosix, nioSSL],
      swiftSettings: strict),

    // Siblings: none imports another.
    .target(name: "AtelierAccess", dependencies: ["AtelierCore", crypto], swiftSettings: strict),
    .target(name: "AtelierAPI", dependencies: ["AtelierCore", crypto], swiftSettings: strict),
    .target(name: "AtelierText", dependencies: ["AtelierCore"], swiftSettings: strict),
    .target(name: "AtelierEngine", dependencies: ["AtelierCore"], swiftSettings: strict),
    .target(name: "AtelierModels", dependencies: ["AtelierCore", "AtelierEgress", crypto], swiftSettings: strict),
    .target(name: "AtelierStore", dependencies: ["AtelierCore", grdb], swiftSettings: strict),
    .target(name: "AtelierWorkerProtocol", dependencies: ["AtelierCore"], swiftSettings: strict),
    .target(
      name: "AtelierMCP", dependencies: ["AtelierCore", "AtelierEgress", logging], swiftSettings: strict),

    // The API process.
    .target(
      name: "AtelierRuntime",
      dependencies: ["AtelierCore", "AtelierModels", "AtelierStore", "AtelierWorkerProtocol", logging, lifecycle],
      swiftSettings: strict),
    .target(
      name: "AtelierServer",
      dependencies: [
        "AtelierCore", "AtelierAccess", "AtelierAPI", "AtelierRuntime", "AtelierModels", hummingbird, logging,
        lifecycle,
        nioCore, nioSSL,
      ],
      swiftSettings: strict),
    .target(
      name: "AtelierCLI",
      dependencies: ["AtelierCore", "AtelierAccess", httpClient, arguments, nioCore, nioHTTP1, nioSSL],
      swiftSettings: strict),

    // The worker process.
    .target(
      name: "AtelierWorker",
      dependencies: ["AtelierCore", "AtelierWorkerProtocol", "AtelierText", "AtelierEngine", "CSandbox"],
      swiftSettings: strict),
    .target(name: "CSandbox"),
    .systemLibrary(name: "CLlama", pkgConfig: "atelier-engine"),
    .target(
      name: "CLlamaBridge", dependencies: ["CLlama"],
      linkerSettings: [.linkedLibrary("png"), .linkedLibrary("jpeg"), .linkedLibrary("webp")]),
    .target(
      name: "AtelierLlama",
      dependencies: ["AtelierCore", "AtelierText", "AtelierEngine", "AtelierWorker", "CLlama", "CLlamaBridge", crypto],
      swiftSettings: strict),

    // Composition roots.
    .executableTarget(
      name: "atelier",
      dependencies: [
        "AtelierCore", "AtelierAccess", "AtelierServer", "AtelierRuntime", "AtelierModels", "AtelierStore",
        "AtelierCLI", "AtelierEgress", "AtelierMCP",
        arguments, configuration, logging, lifecycle, signals,
      ],
      swiftSettings: strict),
    .executableTarget(
      name: "atelier-worker", dependencies: ["AtelierCore", "AtelierWorker"] + llama, swiftSettings: strict),

    // Test doubles and shared checks.
    .target(
      name: "AtelierTesting",
      dependencies: ["AtelierCore", "AtelierAPI", "AtelierEngine", "AtelierModels", "AtelierRuntime"],
      path: "Sources/AtelierTesting",
      swiftSettings: strict),
    .testTarget(
      name: "AtelierCoreTests", dependencies: ["AtelierCore", "AtelierTesting"], exclude: ["Fuzzing/Corpus"],
      swiftSettings: strict),
    .testTarget(
      name: "AtelierAPITests", dependencies: ["AtelierCore", "AtelierAPI", "AtelierTesting"],
      exclude: ["Golden", "Fuzzing/Corpus"], swiftSettings: strict),
    .testTarget(
      name: "AtelierCLITests", dependencies: ["AtelierCore", "AtelierCLI", arguments], swiftSettings: strict),
    .testTarget(name: "AtelierAccessTests", dependencies: ["AtelierCore", "AtelierAccess"], swiftSettings: strict),
    .testTarget(name: "AtelierEgressTests", dependencies: ["AtelierCore", "AtelierEgress"], swiftSettings: strict),
    .testTarget(
      name: "AtelierTextTests", dependencies: ["AtelierCore", "AtelierText", "AtelierTesting"],
      exclude: ["Fuzzing/Corpus"], swiftSettings: strict),
    .testTarget(
      name: "AtelierEngineTests", dependencies: ["AtelierCore", "AtelierEngine", "AtelierTesting"],
      swiftSettings: strict),
    .testTarget(
      name: "AtelierModelsTests", dependencies: ["AtelierCore", "AtelierEgress", "AtelierModels", "AtelierTesting"],
      exclude: ["Fuzzing/Corpus"], swiftSettings: strict),
    .testTarget(name: "AtelierStoreTests", dependencies: ["AtelierCore", "AtelierStore", grdb], swiftSettings: strict),
    .testTarget(
      name: "AtelierMCPTests", dependencies: ["AtelierCore", "AtelierMCP", "AtelierEgress", "AtelierTesting", logging],
      swiftSettings: strict),
    .testTarget(
      name: "AtelierWorkerProtocolTests", dependencies: ["AtelierCore", "AtelierWorkerProtocol", "AtelierTesting"],
      exclude: ["Corpus"], swiftSettings: strict),
    .testTarget(
      name: "AtelierWorkerTests",
      dependencies: [
        "AtelierCore", "AtelierWorker", "AtelierWorkerProtocol", "AtelierText", "AtelierEngine", "AtelierTesting",
      ],
      swiftSettings: strict),
    .testTarget(
      name: "AtelierRuntimeTests",
      dependencies: [
        "AtelierCore", "AtelierRuntime", "AtelierModels", "AtelierStore", "AtelierWorkerProtocol", "AtelierTesting",
        logging,
      ],
      swiftSettings: strict),
    .testTarget(
      name: "AtelierServerTests",
      dependencies: [
        "AtelierCore", "AtelierAccess", "AtelierAPI", "AtelierServer", "AtelierRuntime", "AtelierModels",
        "AtelierStore", "AtelierTesting", hummingbird, .product(name: "HummingbirdTesting", package: "hummingbird"),
        nioCore, nioEmbedded,
      ],
      exclude: ["Fuzzing/Corpus"], swiftSettings: strict),
    .testTarget(
      name: "AtelierLlamaTests",
      dependencies: ["AtelierCore", "AtelierText", "AtelierEngine", "AtelierWorker", "AtelierTesting"] + llama
        + [.target(name: "CLlama", condition: .when(traits: ["Llama"]))],
      swiftSettings: strict),
  ],
  swiftLanguageModes: [.v6],
  cxxLanguageStandard: .cxx17
)
