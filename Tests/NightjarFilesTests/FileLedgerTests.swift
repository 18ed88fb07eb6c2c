import CloudEvents
import Foundation
import Testing

@testable import NightjarFiles

#if canImport(Glibc)
    import Glibc
#endif

@Suite struct FileLedgerTests {
    private func path(_ text: String) -> FilePath { FilePath(bytes: Array(text.utf8)) }
    private func version(_ number: Int64) -> FileVersion {
        FileVersion(inode: 1, sizeBytes: 10, modifiedNanoseconds: number)
    }

    private func kinds(_ changes: [FileLedger.Change]) -> [String] { changes.map { "\($0.kind) \($0.path.text)" } }

    @Test("what is new, other and gone is told in the order of the paths, what is known already is not")
    func differences() {
        let ledger = FileLedger([path("d"): version(1), path("b"): version(1), path("c"): version(1)])
        let scan = FolderScan(found: [path("a"): version(1), path("b"): version(2), path("c"): version(1)])
        #expect(kinds(ledger.changes(scan)) == ["created a", "changed b", "deleted d"])
    }

    @Test("a look at one folder says nothing of the files in others")
    func oneFolder() {
        let ledger = FileLedger([path("x/1"): version(1), path("xy/1"): version(1), path("z"): version(1)])
        #expect(kinds(ledger.changes(FolderScan(), in: [path("x")])) == ["deleted x/1"])
    }

    @Test("files that could not be looked at are not taken for deleted")
    func unread() {
        let ledger = FileLedger([path("x/1"): version(1), path("y"): version(1), path("z"): version(1)])
        let scan = FolderScan(unread: [path("x"): EACCES, path("y"): EIO])
        #expect(kinds(ledger.changes(scan)) == ["deleted z"])
    }

    @Test("a version is the same after chmod and linking, another after a write, a touch or a replacement")
    func sameness() {
        let one = FileVersion(inode: 1, sizeBytes: 2, modifiedNanoseconds: 3)
        var same = one
        same.statusChangedNanoseconds = 9
        same.isLinked = true
        #expect(one == same)
        #expect(one.hashValue == same.hashValue)
        #expect(one != FileVersion(inode: 2, sizeBytes: 2, modifiedNanoseconds: 3))
        #expect(one != FileVersion(inode: 1, sizeBytes: 1, modifiedNanoseconds: 3))
        #expect(one != FileVersion(inode: 1, sizeBytes: 2, modifiedNanoseconds: 4))
    }

    @Test("what nobody asked for is known at once, and saved later")
    func notes() {
        var ledger = FileLedger()
        ledger.note(.init(path: path("a"), kind: .created, version: version(1)))
        ledger.note(.init(path: path("b"), kind: .created, version: version(1)))
        ledger.note(.init(path: path("b"), kind: .deleted, version: version(1)))
        #expect(ledger.change(at: path("a"), now: version(1)) == nil)
        #expect(ledger.count == 1)
        let unsaved = ledger.unsaved(limit: 10)
        #expect(
            Dictionary(uniqueKeysWithValues: unsaved.map { ($0.path, $0.version) }) == [
                path("a"): version(1), path("b"): nil,
            ])
        #expect(ledger.unsaved(limit: 1).count == 1)
        ledger.saved([path("b")])
        ledger.record(.init(path: path("a"), kind: .changed, version: version(2)))
        #expect(ledger.unsaved(limit: 10).isEmpty)
    }

    @Test("a file that is older than the last deletion may have been there before, and appears as another occurrence")
    func occurrences() {
        var ledger = FileLedger()
        var version = version(1)
        version.statusChangedNanoseconds = 5_000
        let change = FileLedger.Change(path: path("a"), kind: .created, version: version)
        let first = ledger.occurrence(of: change)
        ledger.noteDeletion(at: Timestamp(microsecondsSince1970: 4))
        #expect(ledger.occurrence(of: change) == first)
        ledger.noteDeletion(at: Timestamp(microsecondsSince1970: 5))
        let second = ledger.occurrence(of: change)
        ledger.noteDeletion(at: Timestamp(microsecondsSince1970: 6))
        #expect(Set([first, second, ledger.occurrence(of: change)]).count == 3)
        // An earlier time, by a clock that was set back, takes nothing back.
        ledger.noteDeletion(at: Timestamp(microsecondsSince1970: 1))
        #expect(ledger.lastDeletion == Timestamp(microsecondsSince1970: 6))
    }

    @Test("a version that takes turns with another is another change each time")
    func changesOfOnePath() throws {
        var ledger = FileLedger([path("a"): version(1)])
        var occurrences: Set<String> = []
        for number in [2, 1, 2, 1] as [Int64] {
            let change = try #require(ledger.change(at: path("a"), now: version(number)))
            occurrences.insert(ledger.occurrence(of: change))
            ledger.record(change)
        }
        #expect(occurrences.count == 4)
    }

    @Test("a stored version is read back, and a damaged one refused")
    func storedVersions() {
        let version = FileVersion(inode: .max, sizeBytes: .max, modifiedNanoseconds: .min)
        #expect(FileVersion(stored: version.stored) == version)
        #expect(FileVersion(stored: version.stored)?.changes == 0)
        #expect(FileVersion(stored: version.following(version).stored)?.changes == 1)
        for damaged in ["", "1 2", "1 2 x", "1 2 3 x", "1 2 3 4 5", "-1 2 3"] {
            #expect(FileVersion(stored: Array(damaged.utf8)) == nil)
        }
    }

    @Test("times beyond all calendars do no harm", arguments: [Int.max, Int.min, 253_402_300_800, -99_999_999_999_999])
    func extremeTimes(_ seconds: Int) throws {
        var status = stat()
        status.st_mode = S_IFREG
        #if canImport(Darwin)
            status.st_mtimespec.tv_sec = seconds
        #else
            status.st_mtim.tv_sec = seconds
        #endif
        let version = try #require(FileVersion(status))
        #expect(version.modified >= .distantPast && version.modified <= .distantFuture)
    }

    #if os(Linux)
        @Test("a file on a mount has the type of the deepest one, and of those mounted over one another the last")
        func mounts() {
            let table = [
                ("/", "ext4"), ("/srv", "nfs4"), ("/srv/local", "xfs"), ("/data", "ext4"), ("/data", "fuse.sshfs"),
            ]
            .map { (point: $0.0, type: $0.1) }
            #expect(NetworkFileSystem.type(of: "/srv/a", in: table) == "nfs4")
            #expect(NetworkFileSystem.type(of: "/srv/local", in: table) == "xfs")
            #expect(NetworkFileSystem.type(of: "/srvX", in: table) == "ext4")
            #expect(NetworkFileSystem.isNetwork(NetworkFileSystem.type(of: "/data/x", in: table)))
            #expect(!NetworkFileSystem.holds("/proc"))
        }
    #endif
}
