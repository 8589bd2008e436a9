using Istio.Networking.V1Alpha3;
using Pilotfish.ControlPlane.Config;

namespace Pilotfish.ControlPlane.Push;

/// <summary>All DestinationRules of one host and scope, merged. <paramref name="Meta"/> is that of the oldest.</summary>
public sealed record MergedDestinationRule(ObjectMeta Meta, DestinationRule Spec, ExportScope ExportTo);
