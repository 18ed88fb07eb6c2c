// swift-tools-version: 6.2
import PackageDescription

/// What every target is built with. Language mode 6 comes with the tools version.
let houseSettings: [SwiftSetting] =
    [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
    ] + (Context.environment["NIGHTJAR_WARNINGS_AS_ERRORS"] == nil ? [] : [.treatAllWarnings(as: .error)])

let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let metrics = Target.Dependency.product(name: "Metrics", package: "swift-metrics")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let heap = Target.Dependency.product(name: "HeapModule", package: "swift-collections")
let deque = Target.Dependency.product(name: "DequeModule", package: "swift-collections")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let asyncHTTPClient = Target.Dependency.product(name: "AsyncHTTPClient", package: "async-http-client")
let subprocess = Target.Dependency.product(name: "Subprocess", package: "swift-subprocess")

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")

func library(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: houseSettings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies, swiftSettings: houseSettings)
}

let package = Package(
    name: "nightjar",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "nightjar", targets: ["NightjarCLI"]),
        .library(name: "CloudEvents", targets: ["CloudEvents"]),
        .library(name: "Expressions", targets: ["Expressions"]),
        .library(name: "NightjarCore", targets: ["NightjarCore"]),
        .library(name: "Nightjar", targets: ["Nightjar"]),
        .library(name: "NightjarSQLite", targets: ["NightjarSQLite"]),
        .library(name: "NightjarFiles", targets: ["NightjarFiles"]),
        .library(name: "NightjarSchedule", targets: ["NightjarSchedule"]),
        .library(name: "NightjarHTTP", targets: ["NightjarHTTP"]),
        .library(name: "NightjarRabbitMQ", targets: ["NightjarRabbitMQ"]),
        .library(name: "NightjarKafka", targets: ["NightjarKafka"]),
        .library(name: "NightjarAWS", targets: ["NightjarAWS"]),
        .library(name: "NightjarActions", targets: ["NightjarActions"]),
        .library(name: "NightjarTestKit", targets: ["NightjarTestKit"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.0"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.0"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.0"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.0"),
    ],
    targets: [
        library("CloudEvents", [httpTypes]),
        library("Expressions", []),
        library("NightjarCore", ["CloudEvents", "Expressions", logging]),
        library("NightjarSchedule", ["NightjarCore", "CloudEvents", "Expressions", logging]),
        library(
            "Nightjar",
            [
                "NightjarCore", "NightjarSchedule", "CloudEvents", "Expressions", logging, metrics, lifecycle, heap,
                deque,
            ]),
        library(
            "NightjarSQLite",
            [
                "NightjarCore", "CloudEvents", .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ]),
        .systemLibrary(name: "CFileSystems"),
        library("NightjarFiles", ["NightjarCore", "CloudEvents", "CFileSystems", logging]),
        library(
            "NightjarHTTP",
            [
                "NightjarCore", "CloudEvents", logging, httpTypes, hummingbird,
                .product(name: "CoreMetrics", package: "swift-metrics"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "HummingbirdTLS", package: "hummingbird"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
                .product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ]),
        library(
            "NightjarActions",
            [
                "NightjarCore", "CloudEvents", "Expressions", "NetworkFailures", httpTypes, asyncHTTPClient, subprocess,
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "SystemPackage", package: "swift-system"),
            ]),
        .target(name: "EventThreads", swiftSettings: houseSettings),
        .target(
            name: "NetworkFailures",
            dependencies: [
                asyncHTTPClient,
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: houseSettings),
        .systemLibrary(
            name: "CLibrabbitmq", pkgConfig: "librabbitmq",
            providers: [.apt(["librabbitmq-dev"]), .brew(["rabbitmq-c"])]),
        .systemLibrary(
            name: "CLibrdkafka", pkgConfig: "rdkafka", providers: [.apt(["librdkafka-dev"]), .brew(["librdkafka"])]),
        library(
            "NightjarRabbitMQ",
            ["NightjarCore", "CloudEvents", "Expressions", "EventThreads", "CLibrabbitmq", logging]),
        library(
            "NightjarKafka", ["NightjarCore", "CloudEvents", "Expressions", "EventThreads", "CLibrdkafka", logging]),
        library(
            "NightjarAWS",
            [
                "NightjarCore", "CloudEvents", "NetworkFailures", logging, asyncHTTPClient, subprocess,
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ]),
        library("NightjarTestKit", ["NightjarCore", "CloudEvents"]),
        .target(name: "Waiting", path: "Tests/Waiting", swiftSettings: houseSettings),
        .target(
            name: "TestServers", dependencies: ["Waiting"], path: "Tests/TestServers", swiftSettings: houseSettings),
        .target(
            name: "HTTPTestServer",
            dependencies: [
                "NightjarHTTP", logging, hummingbird, httpTypes,
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            path: "Tests/HTTPTestServer", swiftSettings: houseSettings),
        tests(
            "NightjarCLITests",
            [
                "NightjarCLI", "Nightjar", "NightjarCore", "NightjarSchedule", "CloudEvents", "Expressions",
                "NightjarSQLite", "NightjarRabbitMQ", "NightjarKafka", "NightjarAWS",
                "Waiting", logging, argumentParser,
            ]),
        .executableTarget(
            name: "NightjarCLI",
            dependencies: [
                "Nightjar", "NightjarCore", "CloudEvents", "Expressions", "NightjarSQLite", "NightjarFiles",
                "NightjarSchedule", "NightjarHTTP", "NightjarActions", "NightjarRabbitMQ", "NightjarKafka",
                "NightjarAWS",
                logging, metrics, lifecycle, asyncHTTPClient, hummingbird,
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                argumentParser,
                .product(name: "Histogram", package: "hdrhistogram-swift"),
                .product(name: "Yams", package: "Yams"),
                .product(name: "GRDB", package: "GRDB.swift"),
            ],
            swiftSettings: houseSettings),
        .executableTarget(
            name: "Orders",
            dependencies: ["Nightjar", "NightjarCore", "CloudEvents", "NightjarSQLite", "NightjarFiles"],
            path: "Examples/Orders", swiftSettings: houseSettings),
        .target(
            name: "CBrokerClients", dependencies: ["CLibrabbitmq", "CLibrdkafka"], path: "Benchmarks/CBrokerClients"),
        .executableTarget(
            name: "BrokerBench",
            dependencies: [
                "CBrokerClients", "Nightjar", "NightjarCore", "NightjarRabbitMQ", "NightjarKafka", "NightjarSQLite",
                "CloudEvents", "TestServers", logging,
            ],
            path: "Benchmarks/Brokers", swiftSettings: houseSettings),
        tests("ExpressionsTests", ["Expressions"]),
        tests("CloudEventsTests", ["CloudEvents", httpTypes]),
        tests(
            "NightjarSQLiteTests",
            [
                "NightjarSQLite", "NightjarCore", "CloudEvents", "NightjarTestKit",
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ]),
        tests(
            "NightjarActionsTests",
            [
                "NightjarActions", "NightjarCore", "CloudEvents", "Expressions", "HTTPTestServer", "TestServers",
                "Waiting", logging, hummingbird, httpTypes,
                .product(name: "NIOCore", package: "swift-nio"),
            ]),
        tests("NightjarTestKitTests", ["NightjarTestKit", "NightjarCore", "CloudEvents"]),
        tests("NightjarTests", ["Nightjar", "NightjarCore", "CloudEvents", "Expressions", "NightjarTestKit", logging]),
        tests(
            "NightjarHTTPTests",
            [
                "NightjarHTTP", "Nightjar", "NightjarCore", "CloudEvents", "Expressions", "NightjarTestKit", logging,
                asyncHTTPClient,
                httpTypes,
                metrics,
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ]),
        tests("EventThreadsTests", ["EventThreads"]),
        tests(
            "NightjarRabbitMQTests",
            [
                "NightjarRabbitMQ", "Nightjar", "NightjarCore", "CloudEvents", "NightjarTestKit", "TestServers",
                "Waiting", logging,
            ]),
        .target(name: "CKafkaMock", dependencies: ["CLibrdkafka"], path: "Tests/CKafkaMock"),
        tests(
            "NightjarKafkaTests",
            [
                "NightjarKafka", "CKafkaMock", "CLibrdkafka", "Nightjar", "NightjarCore", "CloudEvents",
                "NightjarTestKit", "TestServers", "Waiting", logging,
            ]),
        tests(
            "NightjarAWSTests",
            [
                "NightjarAWS", "Nightjar", "NightjarCore", "CloudEvents", "NightjarTestKit", "TestServers",
                "HTTPTestServer", "Waiting", logging, hummingbird, asyncHTTPClient,
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                httpTypes,
            ]),
        tests("EndToEndTests", ["NightjarCLI", "TestServers", "Waiting"]),
        tests(
            "NightjarFilesTests",
            ["NightjarFiles", "Nightjar", "NightjarCore", "CloudEvents", "NightjarTestKit", "Waiting", logging]),
        tests(
            "NightjarScheduleTests",
            ["NightjarSchedule", "Nightjar", "NightjarCore", "CloudEvents", "NightjarTestKit", logging]),
        tests(
            "SimulationTests", ["Nightjar", "NightjarCore", "CloudEvents", "Expressions", "NightjarTestKit", logging]),
    ]
)
