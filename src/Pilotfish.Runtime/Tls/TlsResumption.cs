namespace Pilotfish.Runtime.Tls;

/// <summary>How a server lets clients resume sessions.</summary>
[Flags]
public enum TlsResumption : byte
{
    None = 0,

    /// <summary>The client keeps the state, encrypted (RFC 5077; RFC 8446 section 4.6.1).</summary>
    Tickets = 1,

    /// <summary>The server keeps the state and gives it a number. TLS 1.2 only.</summary>
    SessionIds = 2,

    All = Tickets | SessionIds,
}
