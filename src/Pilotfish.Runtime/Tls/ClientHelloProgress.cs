namespace Pilotfish.Runtime.Tls;

/// <summary>How far the first bytes of a connection are a ClientHello.</summary>
internal enum ClientHelloProgress : byte
{
    NeedMore,
    Complete,

    /// <summary>No handshake record.</summary>
    Foreign,

    /// <summary>A record that is empty or larger than any may be.</summary>
    BadLength,

    /// <summary>A handshake message, but another one.</summary>
    OtherMessage,
}
