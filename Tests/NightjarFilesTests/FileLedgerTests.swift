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
        let ledger = FileLedger([
            path("d"): .there(version(1)), path("b"): .there(version(1)), path("c"): .there(version(1)),
        ])
        let scan = FolderScan(found: [path("a"): version(1), path("b"): version(2), path("c"): version(1)])
        #expect(kinds(ledger.changes(scan)) == ["created a", "changed b", "deleted d"])
    }

    @Test("a look at one folder says nothing of the files in others")
    func oneFolder() {
        let ledger = FileLedger([
            path("x/1"): .there(version(1)), path("xy/1"): .there(version(1)), path("z"): .there(version(1)),
        ])
        #expect(kinds(ledger.changes(FolderScan(), in: [path("x")])) == ["deleted x/1"])
    }

    @Test("files that could not be looked at are not taken for deleted")
    func unread() {
        let ledger = FileLedger([
            path("x/1"): .there(version(1)), path("y"): .there(version(1)), path("z"): .there(version(1)),
        ])
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
            Dictionary(uniqueKeysWithValues: unsaved.map { ($0.path, $0.note) }) == [
                path("a"): .there(version(1)), path("b"): .gone(version(1)),
            ])
        #expect(ledger.unsaved(limit: 1).count == 1)
        ledger.saved([path("b")])
        ledger.record(.init(path: path("a"), kind: .changed, version: version(2)))
        #expect(ledger.unsaved(limit: 10).isEmpty)
    }

    @Test("a stored note is read back, as are those of before, and a damaged one is refused")
    func storedNotes() throws {
        var version = FileVersion(inode: .max, sizeBytes: .max, modifiedNanoseconds: .min)
        version.newestNanoseconds = .max
        version.returns = 3
        for note in [FileLedger.Note.there(version), .gone(version)] {
            let read = try #require(FileLedger.Note(stored: note.stored))
            #expect(read == note)
            guard case .there(let again) = read else { continue }
            #expect(again.newest == .max && again.returns == 3)
        }
        #expect(
            FileLedger.Note(stored: Array("1 2 3".utf8))
                == .there(FileVersion(inode: 1, sizeBytes: 2, modifiedNanoseconds: 3)))
        for damaged in ["", "1 2", "1 2 x", "1 2 3 4", "1 2 3 4 x", "1 2 3 4 5 6", "-1 2 3", "- ", "-"] {
            #expect(FileLedger.Note(stored: Array(damaged.utf8)) == nil)
        }
    }

    /// A version of which the inode was changed at that time.
    private func version(_ number: Int64, changedAt time: Int64) -> FileVersion {
        var version = version(number)
        version.statusChangedNanoseconds = time
        return version
    }

    @Test(
        "an inode that was there before comes back as another appearance each time; a new one is what it is for everybody"
    )
    func returns() throws {
        var ledger = FileLedger()
        func see(_ version: FileVersion?) throws -> String {
            let change = try #require(ledger.change(at: path("a"), now: version))
            ledger.record(change)
            // As a restart would.
            let notes = try #require(ledger.note(of: path("a")).flatMap { FileLedger.Note(stored: $0.stored) })
            ledger = FileLedger([path("a"): notes])
            return "\(change.kind) \(change.version.identity)"
        }
        let (old, new) = (version(1, changedAt: 5), version(2, changedAt: 9))
        var seen: [String] = []
        // It goes and comes with its folder, then two folders take turns.
        for version in [old, nil, old, nil, old, new, old, new, old] {
            let text = try see(version)
            if version != nil { seen.append(text) }
        }
        #expect(Set(seen).count == seen.count)
        #expect(seen[0] == "created \(old.identity)")
        // Files that come and go one by one are told by their inodes, whoever looks and whatever he saw before.
        ledger = FileLedger()
        #expect(try see(old) == "created \(old.identity)")
        _ = try see(nil)
        #expect(try see(new) == "created \(new.identity)")
        #expect(try see(version(3, changedAt: 12)) == "changed \(version(3, changedAt: 12).identity)")
        // Also after a return that others may have missed.
        _ = try see(new)
        #expect(try see(version(4, changedAt: 13)) == "changed \(version(4, changedAt: 13).identity)")
    }

    @Test("a file of which it was not stored how new it is comes back as another appearance, if it is the same")
    func returnsOfOldNotes() throws {
        let note = try #require(FileLedger.Note(stored: Array("1 10 1".utf8)))
        var ledger = FileLedger([path("a"): note])
        let deleted = try #require(ledger.change(at: path("a"), now: nil))
        ledger.record(deleted)
        let same = try #require(ledger.change(at: path("a"), now: version(1, changedAt: 5)))
        #expect(same.version.isReturn)
        let other = try #require(ledger.change(at: path("a"), now: version(2, changedAt: 5)))
        #expect(!other.version.isReturn)
    }

    @Test("of the files that are gone only the last ones are remembered, also by the store")
    func manyGone() throws {
        var ledger = FileLedger()
        let count = FileLedger.leastGone * 3 / 2
        for number in 0..<count {
            // One goes again and again.
            for file in [path("f\(number)"), path("same")] {
                ledger.record(.init(path: file, kind: .created, version: version(1)))
                ledger.record(.init(path: file, kind: .deleted, version: version(1)))
            }
        }
        let remembered = (0..<count).filter { ledger.note(of: path("f\($0)")) != nil }
        #expect(remembered == Array((count - remembered.count)..<count))
        #expect(remembered.count < FileLedger.leastGone && ledger.note(of: path("same")) != nil)
        let unsaved = ledger.unsaved(limit: .max)
        #expect(unsaved.count == count - remembered.count && unsaved.allSatisfy { $0.note == nil })
    }

    @Test("as many files as were there at once can go and come back together")
    func manyReturn() throws {
        var ledger = FileLedger()
        let paths = (0..<FileLedger.leastGone * 3 / 2).map { path("f\($0)") }
        for file in paths { ledger.record(.init(path: file, kind: .created, version: version(1, changedAt: 5))) }
        for file in paths { ledger.record(.init(path: file, kind: .deleted, version: version(1, changedAt: 5))) }
        let notes = paths.compactMap { file in ledger.note(of: file).map { (file, $0) } }
        ledger = FileLedger(Dictionary(uniqueKeysWithValues: notes))
        let back = FolderScan(found: Dictionary(uniqueKeysWithValues: paths.map { ($0, version(1, changedAt: 5)) }))
        #expect(ledger.changes(back).count { $0.version.isReturn } == paths.count)
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
