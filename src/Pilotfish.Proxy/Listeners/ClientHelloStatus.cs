namespace Pilotfish.Proxy.Listeners;

internal enum ClientHelloStatus
{
    NeedMore,
    Done,

    /// <summary>Not the beginning of a TLS handshake, or a malformed one.</summary>
    NotTls,
}
