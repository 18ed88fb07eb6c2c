/// A path whose requests are events of a trigger: the request's body is the event's data, untouched.
///
/// A request that is a CloudEvent (binary, structured or batched) is taken as such. Any other becomes an event: its source is
/// the path, its id the `Idempotency-Key` or a fresh one, its type ``eventType``.
public struct HTTPEndpoint: Sendable, Hashable {
    /// Who may call.
    public enum Authentication: Sendable, Hashable {
        /// Whoever reaches it.
        case none
        /// `Authorization: Bearer` and the secret.
        case bearer(String)
        /// A header that carries the secret.
        case header(name: String, secret: String)
    }

    /// The trigger whose events come here.
    public var trigger: String
    /// The path, beginning with a slash.
    public var path: String
    /// The request's method.
    public var method: String
    /// Who may call.
    public var authentication: Authentication
    /// The largest body, in bytes; the server's limit by default.
    public var maximumBodyBytes: Int?
    /// The type of the events.
    public var eventType: String
    /// Whether the trigger gives its events ids of its own: then an `Idempotency-Key` is nothing to find an event by.
    public var hasOwnIDs: Bool

    /// An endpoint with these values.
    public init(
        trigger: String, path: String, method: String = "POST", authentication: Authentication = .none,
        maximumBodyBytes: Int? = nil, eventType: String = "nightjar.http.request",
        hasOwnIDs: Bool = false
    ) {
        self.hasOwnIDs = hasOwnIDs
        self.trigger = trigger
        self.path = path
        self.method = method.uppercased()
        self.authentication = authentication
        self.maximumBodyBytes = maximumBodyBytes
        self.eventType = eventType
    }
}
