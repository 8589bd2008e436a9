using Envoy.Config.Core.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Xds;

namespace Pilotfish.Proxy.Routing.Discovery;

/// <summary>The sources of virtual hosts, each asked once however many route configurations name it, and who uses them. Main loop.</summary>
internal sealed class VirtualHostDirectories
{
    private readonly Dictionary<SourceKey, VirtualHostDirectory> _bySource = [];

    /// <summary>Every route configuration in force whose virtual hosts are discovered, for /config_dump.</summary>
    public List<DiscoveredHosts> Users { get; } = [];

    // Internal for testing
    internal int Count => _bySource.Count;

    /// <summary>
    /// The virtual hosts of a source; subscribes to them when it is the first to ask. Whoever asks adds itself, or <see cref="Leave"/>s.
    /// </summary>
    /// <exception cref="ConfigRejectedException">They cannot be had from there; the field is relative to the source.</exception>
    public VirtualHostDirectory Of(ConfigSource? source, CompileContext context)
    {
        if (source is null)
        {
            throw new ConfigRejectedException("", "it is not set");
        }

        // Refuses a source that cannot be asked; nothing is kept then.
        SourceKey key = context.Subscriptions.Identify(ResourceType.VirtualHost, source);
        if (!_bySource.TryGetValue(key, out VirtualHostDirectory? directory))
        {
            directory = new VirtualHostDirectory { Source = key };
            directory.Follow(
                context.Subscriptions.SubscribeAll(ResourceType.VirtualHost, directory, source, directory, directory.BecomeKnown),
                context.Subscriptions.SubscribeOnDemand(ResourceType.VirtualHost, directory, source, directory));
            _bySource.Add(key, directory);
        }

        return directory;
    }

    /// <summary>A user is gone, or did not come to be (null); without any the subscription ends.</summary>
    public void Leave(VirtualHostDirectory directory, DiscoveredHosts? user)
    {
        if (user is not null)
        {
            directory.Remove(user);
        }

        if (!directory.IsUsed && _bySource.Remove(directory.Source))
        {
            directory.Dispose();
        }
    }
}
