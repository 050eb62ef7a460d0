// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "atelier-benchmarks",
  targets: [
    .executableTarget(
      name: "loadclient",
      swiftSettings: [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .treatAllWarnings(as: .error),
      ])
  ],
  swiftLanguageModes: [.v6]
)
