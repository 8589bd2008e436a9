using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.Routing;

/// <summary>One compiled route. Immutable; a request that chose it pins it for its life.</summary>
/// <param name="settings">What it shares with routes that say the same.</param>
/// <param name="forward">Where it forwards to; null for other actions.</param>
/// <param name="decoratedHost">The host's name when the decorator begins with it; null when it does not.</param>
/// <param name="stats">Of its stat_prefix; null without one.</param>
public sealed class RouteModel(RouteSettings settings, ForwardModel? forward, string? decoratedHost, RequestStats? stats = null)
{
    private string? _decorator;

    public string Name => settings.Name;

    public RouteMatcher Matcher => settings.Matcher;

    /// <summary>The path when it is compared exactly and with case; else null.</summary>
    public string? ExactPath => settings.ExactPath;

    public RouteAct Act => settings.Act;

    public ForwardModel? Forward { get; } = forward;

    /// <summary>Statistics of its stat_prefix; null without one.</summary>
    public RequestStats? Stats { get; } = stats;

    public RedirectModel? Redirect => settings.Redirect;

    public DirectResponseModel? DirectResponse => settings.DirectResponse;

    public HeaderMutations RequestHeaders => settings.RequestHeaders;

    public HeaderMutations ResponseHeaders => settings.ResponseHeaders;

    public PerRouteConfigs FilterConfigs => settings.FilterConfigs;

    public DynamicMetadata? Metadata => settings.Metadata;

    /// <summary>Composed when a span first asks: it repeats the host's name.</summary>
    public string DecoratorOperation => _decorator ??= decoratedHost + settings.Decorator;

    /// <summary>Bytes of request body kept for retries and mirrors; null = the connection's buffer limit.</summary>
    public long? RequestBufferLimit => settings.RequestBufferLimit;
}
