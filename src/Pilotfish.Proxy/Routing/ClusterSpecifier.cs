using Envoy.Config.Route.V3;
using Envoy.Extensions.Router.ClusterSpecifiers.Matcher.V3;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Matching;
using Pilotfish.Proxy.Matching.Requests;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.Routing;

/// <summary>
/// A compiled cluster specifier plugin (<c>envoy.extensions.router.cluster_specifiers.matcher.v3.MatcherClusterSpecifier</c>): a matcher that names
/// a request's cluster. A request that it leads nowhere has no cluster. Immutable, any worker.
/// </summary>
internal sealed class ClusterSpecifier
{
    private const string Package = "envoy.extensions.router.cluster_specifiers.matcher.v3.";

    private readonly MatchNode<StreamInfo, ClusterReference>? _root;

    private ClusterSpecifier(MatchNode<StreamInfo, ClusterReference>? root) => _root = root;

    /// <summary>An unknown plugin that is optional names no cluster.</summary>
    public static ClusterSpecifier Compile(ClusterSpecifierPlugin plugin, string field, CompileContext context)
    {
        ExtensionConfig config = ExtensionRegistry.Unwrap(plugin.Extension?.TypedConfig ?? new(), $"{field}.extension.typed_config");
        if (config.MessageName != Package + "MatcherClusterSpecifier")
        {
            return plugin.IsOptional
                ? new ClusterSpecifier(null)
                : throw new ConfigRejectedException(config.Field,
                    $"the cluster specifier plugin '{plugin.Extension?.Name}' has type '{config.MessageName}', which Pilotfish does not have");
        }

        return config.Parse(MatcherClusterSpecifier.Parser).ClusterMatcher is { } matcher
            ? new ClusterSpecifier(new MatchCompiler<StreamInfo, ClusterReference>(new Vocabulary(context)).Compile(matcher, $"{config.Field}.cluster_matcher"))
            : throw new ConfigRejectedException($"{config.Field}.cluster_matcher", "it is not set");
    }

    /// <summary>Null for none.</summary>
    public ClusterReference? Find(StreamInfo info) => _root?.Find(info);

    private sealed class Vocabulary(CompileContext context) : IMatchVocabulary<StreamInfo, ClusterReference>
    {
        public MatchInput<StreamInfo>? Input(ExtensionConfig config) => RequestInputs.Compile(config);

        public ClusterReference? Action(ExtensionConfig config)
        {
            if (config.MessageName != Package + "ClusterAction")
            {
                return null;
            }

            string cluster = config.Parse(ClusterAction.Parser).Cluster;
            return cluster.Length > 0 ? context.Clusters.Reference(cluster) : throw new ConfigRejectedException($"{config.Field}.cluster", "it names no cluster");
        }
    }
}
