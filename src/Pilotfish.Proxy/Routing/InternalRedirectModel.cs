using System.Text;
using Envoy.Config.Core.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.InternalRedirect.AllowListedRoutes.V3;
using Pilotfish.Proxy.Config;

namespace Pilotfish.Proxy.Routing;

/// <summary>Which redirects of an upstream the proxy follows itself.</summary>
public sealed class InternalRedirectModel
{
    private const string Package = "envoy.extensions.internal_redirect.";
    private const string PreviousRoutes = Package + "previous_routes.v3.PreviousRoutesConfig";
    private const string AllowListedRoutes = Package + "allow_listed_routes.v3.AllowListedRoutesConfig";
    private const string SafeCrossScheme = Package + "safe_cross_scheme.v3.SafeCrossSchemeConfig";

    private readonly List<HashSet<string>> _allowedRoutes = [];
    private uint[] _codes = [302];
    private bool _refusesPreviousRoutes;
    private bool _safeCrossScheme;

    private InternalRedirectModel()
    {
    }

    /// <summary>How often one request may be redirected.</summary>
    public uint RedirectsMax { get; private init; }

    public bool AllowsCrossScheme { get; private init; }

    public byte[][] ResponseHeadersToCopy { get; private init; } = [];

    /// <summary>internal_redirect_policy, or what the older internal_redirect_action and max_internal_redirects mean beside no policy.</summary>
    public static InternalRedirectModel? Compile(RouteAction action, string field)
    {
        if (action.InternalRedirectPolicy is { } policy)
        {
            return Compile(policy, $"{field}.internal_redirect_policy");
        }

        return action.InternalRedirectAction == RouteAction.Types.InternalRedirectAction.HandleInternalRedirect
            ? Compile(new InternalRedirectPolicy { MaxInternalRedirects = action.MaxInternalRedirects }, field)
            : null;
    }

    private static InternalRedirectModel Compile(InternalRedirectPolicy policy, string field)
    {
        var model = new InternalRedirectModel
        {
            RedirectsMax = policy.MaxInternalRedirects ?? 1,
            AllowsCrossScheme = policy.AllowCrossSchemeRedirect,
            ResponseHeadersToCopy = CompileNames(policy.ResponseHeadersToCopy, $"{field}.response_headers_to_copy"),
        };
        if (policy.RedirectResponseCodes.Count > 0)
        {
            model._codes = [.. policy.RedirectResponseCodes];
        }

        for (int i = 0; i < policy.Predicates.Count; i++)
        {
            model.AddPredicate(policy.Predicates[i], $"{field}.predicates[{i}]");
        }

        return model;
    }

    /// <summary>Envoy ignores listed codes that are no redirects.</summary>
    public bool Follows(int status) => status is 301 or 302 or 303 or 307 or 308 && Array.IndexOf(_codes, (uint)status) >= 0;

    /// <summary>Whether every predicate lets a request go from one route to another.</summary>
    internal bool Allows(string from, string to, List<(string From, string To)> before, bool fromTls, bool toTls)
    {
        if ((_safeCrossScheme && !fromTls && toTls) || (_refusesPreviousRoutes && before.Contains((from, to))))
        {
            return false;
        }

        return _allowedRoutes.TrueForAll(routes => routes.Contains(to));
    }

    private void AddPredicate(TypedExtensionConfig predicate, string field)
    {
        ExtensionConfig config = ExtensionRegistry.Unwrap(predicate.TypedConfig, $"{field}.typed_config");
        switch (config.MessageName)
        {
            case PreviousRoutes:
                _refusesPreviousRoutes = true;
                break;
            case AllowListedRoutes:
                _allowedRoutes.Add([.. config.Parse(AllowListedRoutesConfig.Parser).AllowedRouteNames]);
                break;
            case SafeCrossScheme:
                _safeCrossScheme = true;
                break;
            default:
                throw new ConfigRejectedException(field, $"the internal redirect predicate '{config.MessageName}' does not exist in Pilotfish");
        }
    }

    private static byte[][] CompileNames(IList<string> names, string field)
    {
        var compiled = new byte[names.Count][];
        for (int i = 0; i < compiled.Length; i++)
        {
            if (names[i].Length == 0 || names[i][0] == ':' || names[i].Equals("host", StringComparison.OrdinalIgnoreCase))
            {
                throw new ConfigRejectedException($"{field}[{i}]", $"header '{names[i]}' may not be copied");
            }

            compiled[i] = Encoding.ASCII.GetBytes(names[i].ToLowerInvariant());
        }

        return compiled;
    }
}
