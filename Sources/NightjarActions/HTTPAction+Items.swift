import CloudEvents
import Foundation
import NIOHTTP1
import NightjarCore

extension HTTPAction {
    private static let member = "batchItemFailures"

    /// Throws if the answer, which means done, names items that failed, as the partial batch responses of AWS Lambda do. An id
    /// that several items have stands for all of them; from one that none has it cannot be told what was done.
    func checkItems(_ answer: HTTPAnswer, of context: RunContext) throws {
        guard JSONText.isJSONContentType(answer.headers.first(name: "content-type")), !answer.body.isEmpty else {
            return
        }
        func unclear(_ why: String) -> RunFailure {
            RunFailure("nothing counts as done: \(why)", code: "\(answer.status)", output: answer.output)
        }
        if case .cutOff = answer.ending {
            throw unclear("the answer is longer than the \(options.outputLimitBytes) bytes that are read")
        }
        // An answer of another shape says nothing of items.
        guard let object = try? JSONSerialization.jsonObject(with: Data(answer.body)) as? [String: Any],
            let failures = object[Self.member], !(failures is NSNull)
        else { return }
        guard let list = failures as? [[String: Any]] else {
            throw unclear("\"\(Self.member)\" of the answer is no list of objects with an \"itemIdentifier\"")
        }
        let indices = Dictionary(grouping: context.items.indices) { context.items[$0].id }
        var items: [Int: String] = [:]
        for failure in list {
            let id = failure["itemIdentifier"] as? String ?? ""
            guard let found = indices[id] else {
                throw unclear("the answer names \"\(ReasonText.cut(id, to: 100))\", which is the id of none")
            }
            for index in found { items[index] = "the answer names \(ReasonText.cut(id, to: 100))" }
        }
        guard items.isEmpty else { throw BatchFailure(items: items, code: "\(answer.status)", output: answer.output) }
    }
}
