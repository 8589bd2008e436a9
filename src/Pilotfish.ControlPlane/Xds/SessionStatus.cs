using Pilotfish.ControlPlane.Proxies;
using Pilotfish.ControlPlane.Push;

namespace Pilotfish.ControlPlane.Xds;

/// <summary>A stream as tools see it.</summary>
/// <param name="Push">The last context of which everything that concerns the proxy was sent.</param>
internal sealed record SessionStatus(long Id, ProxyNode? Node, PushContext Push, IReadOnlyList<SubscriptionStatus> Subscriptions);
