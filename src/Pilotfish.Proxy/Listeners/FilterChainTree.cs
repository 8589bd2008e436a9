using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Matching;
using Pilotfish.Proxy.Streams;
using Xds.Type.Matcher.V3;

namespace Pilotfish.Proxy.Listeners;

/// <summary>
/// filter_chain_matcher: a matcher tree over the facts of a connection whose actions are names of filter chains. A connection that it leads to
/// no action takes the default chain; one that it leads to a name without a chain takes none. Immutable, any worker.
/// </summary>
internal sealed class FilterChainTree : IFilterChainMatcher
{
    private readonly MatchNode<ConnectionInfo, string> _root;
    private readonly Dictionary<string, FilterChainModel> _chains;

    private FilterChainTree(MatchNode<ConnectionInfo, string> root, Dictionary<string, FilterChainModel> chains) => (_root, _chains) = (root, chains);

    /// <param name="matcher">The tree.</param>
    /// <param name="chains">By name.</param>
    /// <param name="field">Where the tree stands.</param>
    public static FilterChainTree Compile(Matcher matcher, Dictionary<string, FilterChainModel> chains, string field) =>
        new(new MatchCompiler<ConnectionInfo, string>(new Vocabulary()).Compile(matcher, field), chains);

    public FilterChainModel? Find(ConnectionInfo connection, FilterChainModel? otherwise) =>
        _root.Find(connection) is { } name ? _chains.GetValueOrDefault(name) : otherwise;

    private sealed class Vocabulary : IMatchVocabulary<ConnectionInfo, string>
    {
        public MatchInput<ConnectionInfo>? Input(ExtensionConfig config) => ConnectionInputs.Compile(config);

        public string? Action(ExtensionConfig config)
        {
            if (config.MessageName != "google.protobuf.StringValue")
            {
                return null;
            }

            string name = config.Parse(StringValue.Parser).Value;
            return name.Length > 0 ? name : throw new ConfigRejectedException(config.Field, "it names no filter chain");
        }
    }
}
