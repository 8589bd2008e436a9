using Envoy.Config.Route.V3;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.RuntimeLayers;

namespace Pilotfish.Proxy.Routing;

/// <summary>A compiled request_mirror_policies entry.</summary>
public sealed class MirrorPolicyModel
{
    public required ClusterReference Cluster { get; init; }

    public required LiveFraction Share { get; init; }

    public bool AppendsShadowSuffix { get; init; }

    public byte[]? HostRewrite { get; init; }

    public static MirrorPolicyModel[] CompileAll(
        IList<RouteAction.Types.RequestMirrorPolicy> policies, string field, CompileContext context)
    {
        var compiled = new MirrorPolicyModel[policies.Count];
        for (int i = 0; i < compiled.Length; i++)
        {
            RouteAction.Types.RequestMirrorPolicy policy = policies[i];
            if (policy.ClusterHeader.Length > 0)
            {
                throw new ConfigRejectedException($"{field}[{i}].cluster_header", "mirroring to a cluster named by a header is not available");
            }

            compiled[i] = new MirrorPolicyModel
            {
                Cluster = context.Clusters.Reference(policy.Cluster),
                Share = LiveFraction.Of(policy.RuntimeFraction, context.Runtime),
                AppendsShadowSuffix = !policy.DisableShadowHostSuffixAppend,
                HostRewrite = policy.HostRewriteLiteral.Length == 0 ? null : System.Text.Encoding.UTF8.GetBytes(policy.HostRewriteLiteral),
            };
        }

        return compiled;
    }
}
