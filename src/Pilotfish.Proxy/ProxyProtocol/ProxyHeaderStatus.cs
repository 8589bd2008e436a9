namespace Pilotfish.Proxy.ProxyProtocol;

internal enum ProxyHeaderStatus
{
    NeedMore,
    Done,

    /// <summary>The bytes are no PROXY header at all.</summary>
    Absent,

    /// <summary>The signature is there and what follows is wrong.</summary>
    Malformed,
}
