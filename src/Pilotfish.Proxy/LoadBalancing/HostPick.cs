using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Reasons;

namespace Pilotfish.Proxy.LoadBalancing;

/// <summary>The host for a request, or the reason why there is none.</summary>
public readonly record struct HostPick(Host? Host, EndReason? Failure)
{
    public static HostPick Of(Host host) => new(host, null);

    public static HostPick None(EndReason reason) => new(null, reason);
}
