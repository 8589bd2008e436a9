using Envoy.Config.Core.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Stats;
using Pilotfish.Proxy.Xds;

namespace Pilotfish.Proxy.Routing.Scopes;

/// <summary>The sources of scopes, each asked once for all its scopes however many connection managers name it, and who uses them. Main loop.</summary>
internal sealed class ScopedRouteDirectories
{
    private readonly Dictionary<string, ScopedRouteDirectory> _bySource = new(StringComparer.Ordinal);

    /// <summary>Every connection manager with scoped routes, for /config_dump.</summary>
    public List<ScopedRoutesSlot> Slots { get; } = [];

    /// <summary>The scopes of a source; subscribes to them when it is the first to ask. What was asked for once stays subscribed.</summary>
    public ScopedRouteDirectory Of(ConfigSource source, StatScope scope, CompileContext context)
    {
        string key = source.ConfigSourceSpecifierCase switch
        {
            ConfigSource.ConfigSourceSpecifierOneofCase.Path => source.Path,
            ConfigSource.ConfigSourceSpecifierOneofCase.PathConfigSource => source.PathConfigSource.Path,
            _ => "",
        };
        if (!_bySource.TryGetValue(key, out ScopedRouteDirectory? directory))
        {
            directory = new ScopedRouteDirectory(context);
            // Refuses a source that cannot be asked; nothing is kept then.
            context.Subscriptions.SubscribeAll(ResourceType.ScopedRoute, directory, source, scope, directory.BecomeKnown);
            _bySource.Add(key, directory);
        }

        return directory;
    }
}
