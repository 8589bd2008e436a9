using Envoy.Config.Core.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Xds;

namespace Pilotfish.Proxy.Routing.Scopes;

/// <summary>The sources of scopes, each asked once for all its scopes however many connection managers name it, and who uses them. Main loop.</summary>
internal sealed class ScopedRouteDirectories
{
    private readonly Dictionary<SourceKey, ScopedRouteDirectory> _bySource = [];

    /// <summary>Every connection manager with scoped routes, for /config_dump.</summary>
    public List<ScopedRoutesSlot> Slots { get; } = [];

    // Internal for testing
    internal int Count => _bySource.Count;

    /// <summary>The scopes of a source, for one more user; subscribes to them for the first.</summary>
    /// <exception cref="ConfigRejectedException">They cannot be had from there; nothing is kept then.</exception>
    public ScopedRouteDirectory Join(ConfigSource source, ScopedRoutesSlot user, CompileContext context)
    {
        SourceKey key = context.Subscriptions.Identify(ResourceType.ScopedRoute, source);
        if (!_bySource.TryGetValue(key, out ScopedRouteDirectory? directory))
        {
            directory = new ScopedRouteDirectory(context) { Source = key };
            directory.Follow(
                context.Subscriptions.SubscribeAll(ResourceType.ScopedRoute, directory, source, directory, directory.BecomeKnown));
            _bySource.Add(key, directory);
        }

        directory.Add(user);
        return directory;
    }

    /// <summary>A user is gone; with the last one the subscription ends.</summary>
    public void Leave(ScopedRouteDirectory directory, ScopedRoutesSlot user)
    {
        directory.Remove(user);
        if (!directory.IsUsed && _bySource.Remove(directory.Source))
        {
            directory.Dispose();
        }
    }
}
