using System.Globalization;
using Envoy.Extensions.Matching.CommonInputs.TransportSocket.V3;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Matching;
using Pilotfish.Proxy.Streams;
using global::Xds.Type.Matcher.V3;
using Segments = System.Collections.Generic.IEnumerable<string>;

namespace Pilotfish.Proxy.Tls;

/// <summary>
/// Cluster.transport_socket_matcher: a tree over an endpoint's metadata, its locality's and shared filter state whose actions are names of
/// transport_socket_matches. Immutable, any worker.
/// </summary>
internal sealed class TransportMatcher
{
    private const string Package = "envoy.extensions.matching.common_inputs.transport_socket.v3.";

    private readonly MatchNode<TransportFacts, UpstreamTransport> _root;

    private TransportMatcher(MatchNode<TransportFacts, UpstreamTransport> root, IReadOnlyList<string> keys) => (_root, StateKeys) = (root, keys);

    /// <summary>Objects of the filter state that it looks at.</summary>
    public IReadOnlyList<string> StateKeys { get; }

    /// <param name="matcher">The tree.</param>
    /// <param name="transports">transport_socket_matches by name.</param>
    public static TransportMatcher Compile(Matcher matcher, Dictionary<string, UpstreamTransport> transports)
    {
        var vocabulary = new Vocabulary(transports);
        return new TransportMatcher(
            new MatchCompiler<TransportFacts, UpstreamTransport>(vocabulary).Compile(matcher, "transport_socket_matcher"), vocabulary.Keys);
    }

    /// <summary>Null where the cluster's own transport counts.</summary>
    public UpstreamTransport? Find(TransportFacts facts) => _root.Find(facts);

    private sealed class Vocabulary(Dictionary<string, UpstreamTransport> transports) : IMatchVocabulary<TransportFacts, UpstreamTransport>
    {
        public List<string> Keys { get; } = [];

        public MatchInput<TransportFacts>? Input(ExtensionConfig config)
        {
            switch (config.MessageName)
            {
                case Package + "EndpointMetadataInput":
                    EndpointMetadataInput endpoint = config.Parse(EndpointMetadataInput.Parser);
                    return Metadata(config, endpoint.Filter, [.. Keysof(endpoint.Path)], static facts => facts.Host.Metadata);
                case Package + "LocalityMetadataInput":
                    LocalityMetadataInput locality = config.Parse(LocalityMetadataInput.Parser);
                    return Metadata(config, locality.Filter, [.. Keysof(locality.Path)], static facts => facts.Host.LocalityMetadata);
                case Package + "FilterStateInput":
                    return State(config, config.Parse(FilterStateInput.Parser).Key);
                default:
                    return null;
            }
        }

        public UpstreamTransport? Action(ExtensionConfig config)
        {
            if (config.MessageName != Package + "TransportSocketNameAction")
            {
                return null;
            }

            // Envoy takes the default for a name that is not there; a misspelt one would send in plaintext what was to be encrypted.
            string name = config.Parse(TransportSocketNameAction.Parser).Name;
            return transports.TryGetValue(name, out UpstreamTransport? transport)
                ? transport
                : throw new ConfigRejectedException($"{config.Field}.name", $"transport_socket_matches has no '{name}'");
        }

        private StateInput State(ExtensionConfig config, string key)
        {
            if (key.Length == 0)
            {
                throw new ConfigRejectedException($"{config.Field}.key", "it names no object");
            }

            int place = Keys.IndexOf(key);
            if (place < 0)
            {
                place = Keys.Count;
                Keys.Add(key);
            }

            return new StateInput(place);
        }

        private static MetadataInput Metadata(
            ExtensionConfig config, string filter, string[] path, Func<TransportFacts, EndpointMetadata> read) => path.Length > 0
            ? new MetadataInput(filter.Length > 0 ? filter : EndpointMetadata.SubsetNamespace, path, read)
            : throw new ConfigRejectedException($"{config.Field}.path", "it is empty");

        private static Segments Keysof(IEnumerable<EndpointMetadataInput.Types.PathSegment> path)
        {
            foreach (EndpointMetadataInput.Types.PathSegment segment in path)
            {
                yield return segment.Key;
            }
        }

        private static Segments Keysof(IEnumerable<LocalityMetadataInput.Types.PathSegment> path)
        {
            foreach (LocalityMetadataInput.Types.PathSegment segment in path)
            {
                yield return segment.Key;
            }
        }
    }

    // Texts as they are, other values as JSON. An empty one counts as none, as in Envoy.
    private sealed class MetadataInput(string filter, string[] path, Func<TransportFacts, EndpointMetadata> read) : MatchInput<TransportFacts>
    {
        public override string? Text(TransportFacts facts) => read(facts).Fields?.Get(filter, path) is { } value ? TextOf(value) : null;

        private static string? TextOf(MetadataValue value) => value.Kind switch
        {
            MetadataKind.Text => value.Text.Length > 0 ? value.Text : null,
            MetadataKind.Boolean => value.Boolean ? "true" : "false",
            MetadataKind.Number => value.Number.ToString("R", CultureInfo.InvariantCulture),
            MetadataKind.Null => "null",
            _ => null,
        };
    }

    private sealed class StateInput(int place) : MatchInput<TransportFacts>
    {
        public override string? Text(TransportFacts facts) => facts.State?[place] is { Length: > 0 } text ? text : null;
    }
}
