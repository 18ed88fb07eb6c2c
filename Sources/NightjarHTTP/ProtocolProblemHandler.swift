import HTTPTypes
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1

/// Says in a problem what is wrong with a request that is no proper HTTP: the server would answer it with an empty 400.
final class ProtocolProblemHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    /// What the answer to come is to say.
    private var problem: Problem?

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let problem = Self.problem(error) else { return context.fireErrorCaught(error) }
        self.problem = problem
        // The server answers to errors of the parser alone.
        context.fireErrorCaught(error is HTTPParserError ? error : HTTPParserError.unknown)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard let problem, case .head(let head) = unwrapOutboundIn(data), head.status == .badRequest,
            head.headerFields[.contentLength] == "0"
        else { return context.write(data, promise: promise) }
        self.problem = nil
        let body = problem.json
        var answer = HTTPResponse(status: problem.status, headerFields: head.headerFields)
        answer.headerFields[.contentType] = Problem.contentType
        answer.headerFields[.contentLength] = "\(body.count)"
        context.write(wrapOutboundOut(.head(answer)), promise: nil)
        context.write(wrapOutboundOut(.body(ByteBuffer(bytes: body))), promise: promise)
    }

    private static func problem(_ error: any Error) -> Problem? {
        switch error {
        case let error as HTTPParserError: problem(error)
        case let error as HTTP1TypeConversionError:
            error == .invalidMethod ? problem(HTTPParserError.invalidMethod) : problem(HTTPParserError.invalidURL)
        case is HostRequirement.NotOneHost:
            Problem(.badRequest, "the request names no host, or several; expected one header Host")
        default: nil
        }
    }

    private static func problem(_ error: HTTPParserError) -> Problem {
        switch error {
        case .headerOverflow:
            Problem(.requestHeaderFieldsTooLarge, "the headers are larger or more than the server takes")
        case .invalidVersion: Problem(.httpVersionNotSupported, "the version of HTTP is none that the server knows")
        case .invalidMethod: Problem(.badRequest, "the request line has no method that the server knows")
        case .invalidURL: Problem(.badRequest, "the request line has no proper path")
        case .invalidContentLength, .unexpectedContentLength:
            Problem(.badRequest, "the length of the body is no number, or is said in two ways")
        case .invalidChunkSize: Problem(.badRequest, "the body's chunks have no proper sizes")
        case .invalidHeaderToken: Problem(.badRequest, "a header has characters that none may have")
        default: Problem(.badRequest, "the request is no proper HTTP: its head cannot be read, or contradicts itself")
        }
    }
}

/// Refuses requests of HTTP/1.1 that name no host, or several (RFC 9112, section 3.2).
///
/// It stands before the conversion to types that do not tell the version.
final class HostRequirement: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart

    /// Puts itself where it belongs, once it is added behind the conversion.
    final class Inserter: ChannelInboundHandler, RemovableChannelHandler {
        typealias InboundIn = HTTPRequestPart

        func handlerAdded(context: ChannelHandlerContext) {
            let pipeline = context.pipeline.syncOperations
            do {
                let conversion = try pipeline.handler(type: HTTP1ToHTTPServerCodec.self)
                try pipeline.addHandler(HostRequirement(), position: .before(conversion))
            } catch {
                // Without it the server would not do what it says.
                context.fireErrorCaught(error)
                context.close(promise: nil)
            }
        }
    }

    struct NotOneHost: Error {}

    private var hasRefused = false

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        // Nothing that follows on the connection can be trusted.
        if hasRefused { return }
        if case .head(let head) = unwrapInboundIn(data), head.version == HTTPVersion.http1_1,
            head.headers["host"].count != 1
        {
            hasRefused = true
            return context.fireErrorCaught(NotOneHost())
        }
        context.fireChannelRead(data)
    }
}
