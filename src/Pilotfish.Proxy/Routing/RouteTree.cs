using Envoy.Config.Route.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Matching;
using Pilotfish.Proxy.Matching.Requests;
using Pilotfish.Proxy.Streams;
using global::Xds.Type.Matcher.V3;

namespace Pilotfish.Proxy.Routing;

/// <summary>
/// VirtualHost.matcher: a tree that leads to a route or a list of routes, whose own matches count as well. A request that it leads nowhere, or
/// to routes that do not match, has no route. Immutable, any worker.
/// </summary>
internal sealed class RouteTree
{
    private readonly MatchNode<StreamInfo, Leaf> _root;

    private RouteTree(MatchNode<StreamInfo, Leaf> root, RouteModel[] routes) => (_root, Routes) = (root, routes);

    /// <summary>All that it may lead to.</summary>
    public RouteModel[] Routes { get; }

    /// <param name="matcher">The tree.</param>
    /// <param name="field">Where it stands.</param>
    /// <param name="compile">Makes a route of its message, which is the callee's own, and of the field where it stands.</param>
    public static RouteTree Compile(Matcher matcher, string field, Func<Route, string, RouteModel> compile)
    {
        var vocabulary = new Vocabulary(compile);
        MatchNode<StreamInfo, Leaf> root = new MatchCompiler<StreamInfo, Leaf>(vocabulary).Compile(matcher, field);
        return new RouteTree(root, [.. vocabulary.All]);
    }

    public RouteModel? Find(HeaderMap headers, StreamInfo info, ulong random, bool ignoresParameters) =>
        _root.Find(info) is { } leaf ? RouteIndex.Find(leaf.Index, leaf.Routes, ignoresParameters, headers, info, random) : null;

    private sealed record Leaf(RouteModel[] Routes, RouteIndex? Index);

    private sealed class Vocabulary(Func<Route, string, RouteModel> compile) : IMatchVocabulary<StreamInfo, Leaf>
    {
        public List<RouteModel> All { get; } = [];

        // What else a request has is refused here, as by Envoy (router/matcher_visitor.cc).
        public MatchInput<StreamInfo>? Input(ExtensionConfig config) =>
            config.MessageName is RequestInputs.Header or RequestInputs.FilterState ? RequestInputs.Compile(config) : null;

        public Leaf? Action(ExtensionConfig config)
        {
            switch (config.MessageName)
            {
                case "envoy.config.route.v3.Route":
                    return Lead([compile(config.Parse(Route.Parser), config.Field)]);
                case "envoy.config.route.v3.RouteList":
                    IList<Route> messages = config.Parse(RouteList.Parser).Routes;
                    var routes = new RouteModel[messages.Count];
                    for (int i = 0; i < routes.Length; i++)
                    {
                        routes[i] = compile(messages[i], $"{config.Field}.routes[{i}]");
                    }

                    return Lead(routes);
                default:
                    return null;
            }
        }

        private Leaf Lead(RouteModel[] routes)
        {
            All.AddRange(routes);
            return new Leaf(routes, RouteIndex.Of(routes));
        }
    }
}
