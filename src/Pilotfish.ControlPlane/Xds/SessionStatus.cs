using Pilotfish.ControlPlane.Proxies;

namespace Pilotfish.ControlPlane.Xds;

/// <summary>A stream as tools see it.</summary>
internal sealed record SessionStatus(long Id, ProxyNode? Node, IReadOnlyList<SubscriptionStatus> Subscriptions);
