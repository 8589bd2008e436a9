using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Proxy.Clusters;

/// <summary>Addresses of a name (port 0) and how long they hold, or the failure as one clause.</summary>
public readonly record struct NameAnswer(IReadOnlyList<NetAddress> Addresses, long TtlMilliseconds, string? Failure)
{
    public bool IsOk => Failure is null;
}
