import Logging
import Nightjar
import NightjarCore
import Testing

@testable import NightjarFiles

@Suite("Which folder was looked at")
struct FolderMarkTests {
    private let folder: TemporaryFolder
    private let reporter: FileReporter
    private let known = FilePath(bytes: Array("a".utf8))

    init() throws {
        folder = try TemporaryFolder()
        let intake = RecordingIntake()
        reporter = FileReporter(
            folder: Folder(FilesOptions(path: folder.path)),
            context: SourceContext(
                trigger: "inbox", intake: intake, state: { [:] }, health: { _ in }, time: SystemTimeSource(),
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }), disk: Disk())
    }

    private func ledger(_ identity: Folder.Identity) -> FileLedger {
        let version = FileVersion(inode: 1, sizeBytes: 10, modifiedNanoseconds: 1)
        return FileLedger([known: .there(version)], mark: FolderMark(path: folder.path, identity: identity))
    }

    @Test("a look says which folder it saw, whatever has taken its place since")
    func seen() throws {
        let before = try reporter.folder.identity()
        let scan = try reporter.folder.scan()
        #expect(scan.root == before)
        try folder.makeFolder("elsewhere")
        #expect(try reporter.folder.scan([FilePath(bytes: Array("elsewhere".utf8))]).root == nil)
    }

    @Test("an empty look counts if it saw the folder that was known, and not if it saw another")
    func empty() throws {
        let identity = try reporter.folder.identity()
        let other = Folder.Identity(device: identity.device, inode: identity.inode + 1)
        var scan = FolderScan()
        scan.root = identity
        var same = ledger(identity)
        try reporter.check(scan, &same)
        // The folder's name leads to the known one again: what was looked at was another.
        scan.root = other
        var changed = ledger(identity)
        #expect(throws: FilesError.self) { try reporter.check(scan, &changed) }
        #expect(changed.mark?.identity == identity)
    }
}
