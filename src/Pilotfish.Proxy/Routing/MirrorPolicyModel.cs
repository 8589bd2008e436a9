using System.Text;
using Envoy.Config.Route.V3;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.RuntimeLayers;

namespace Pilotfish.Proxy.Routing;

/// <summary>A compiled request_mirror_policies entry. Immutable.</summary>
public sealed class MirrorPolicyModel
{
    // As Envoy bounds the list.
    private const int MutationsMax = 1000;

    /// <summary>Null when <see cref="ClusterHeader"/> names it.</summary>
    public ClusterReference? Cluster { get; private init; }

    /// <summary>The request header whose first value names the cluster; a request without it is not mirrored. Lower case.</summary>
    public byte[]? ClusterHeader { get; private init; }

    public LiveFraction Share { get; private init; }

    /// <summary>Whether `-shadow` is put behind the host's name.</summary>
    public bool AppendsShadowSuffix { get; private init; }

    public byte[]? HostRewrite { get; private init; }

    /// <summary>request_headers_mutations: changes of the copy alone.</summary>
    public HeaderMutationList Mutations { get; private init; } = HeaderMutationList.None;

    public static MirrorPolicyModel[] CompileAll(
        IList<RouteAction.Types.RequestMirrorPolicy> policies, string field, string resource, CompileContext context)
    {
        var compiled = new MirrorPolicyModel[policies.Count];
        for (int i = 0; i < compiled.Length; i++)
        {
            compiled[i] = Compile(policies[i], $"{field}[{i}]", resource, context);
        }

        return compiled;
    }

    /// <summary>The cluster that a request's copy is for; null when the header names none.</summary>
    internal ClusterReference? Find(Http.HeaderMap headers, ClusterReferences clusters)
    {
        if (ClusterHeader is null)
        {
            return Cluster;
        }

        return headers.TryGet(ClusterHeader, out ReadOnlySpan<byte> name) && !name.IsEmpty ? clusters.Find(name) : null;
    }

    private static MirrorPolicyModel Compile(RouteAction.Types.RequestMirrorPolicy policy, string field, string resource, CompileContext context)
    {
        if (policy.Cluster.Length == 0 == (policy.ClusterHeader.Length == 0))
        {
            throw new ConfigRejectedException(field, "exactly one of cluster and cluster_header must be set");
        }

        if (policy.RequestHeadersMutations.Count > MutationsMax)
        {
            throw new ConfigRejectedException($"{field}.request_headers_mutations", $"there are more than {MutationsMax}");
        }

        UnheededFields.Check(UnheededFields.OfMirrorPolicy, policy, field, resource, context.Warnings);
        if (policy.ClusterHeader.Length > 0)
        {
            context.Clusters.EnableLookup();
        }

        return new MirrorPolicyModel
        {
            Cluster = policy.Cluster.Length > 0 ? context.Clusters.Reference(policy.Cluster) : null,
            ClusterHeader = policy.ClusterHeader.Length > 0 ? Encoding.ASCII.GetBytes(policy.ClusterHeader.ToLowerInvariant()) : null,
            Share = LiveFraction.Of(policy.RuntimeFraction, context.Runtime),
            AppendsShadowSuffix = !policy.DisableShadowHostSuffixAppend,
            HostRewrite = policy.HostRewriteLiteral.Length == 0 ? null : Encoding.UTF8.GetBytes(policy.HostRewriteLiteral),
            Mutations = HeaderMutationList.Compile(policy.RequestHeadersMutations, $"{field}.request_headers_mutations"),
        };
    }
}
