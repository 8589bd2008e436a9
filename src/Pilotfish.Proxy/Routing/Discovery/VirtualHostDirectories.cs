using Envoy.Config.Core.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Xds;

namespace Pilotfish.Proxy.Routing.Discovery;

/// <summary>The sources of virtual hosts, each asked once however many route configurations name it, and who uses them. Main loop.</summary>
internal sealed class VirtualHostDirectories
{
    private readonly Dictionary<string, VirtualHostDirectory> _bySource = new(StringComparer.Ordinal);

    /// <summary>Every route configuration in force whose virtual hosts are discovered, for /config_dump.</summary>
    public List<DiscoveredHosts> Users { get; } = [];

    /// <summary>The virtual hosts of a source; subscribes to them when it is the first to ask. What was asked for once stays subscribed.</summary>
    /// <exception cref="ConfigRejectedException">They cannot be had from there; the field is relative to the source.</exception>
    public VirtualHostDirectory Of(ConfigSource? source, CompileContext context)
    {
        if (source is null)
        {
            throw new ConfigRejectedException("", "it is not set");
        }

        string key = source.ConfigSourceSpecifierCase == ConfigSource.ConfigSourceSpecifierOneofCase.ApiConfigSource
            ? $"{source.ApiConfigSource.ApiType} {ControlPlanes.ClusterOf(source.ApiConfigSource)}"
            : source.ConfigSourceSpecifierCase.ToString();
        if (!_bySource.TryGetValue(key, out VirtualHostDirectory? directory))
        {
            directory = new VirtualHostDirectory();
            // Refuses a source that cannot be asked; nothing is kept then.
            directory.Names = context.Subscriptions.SubscribeOnDemand(
                ResourceType.VirtualHost, directory, source, directory, directory.BecomeKnown);
            directory.Names.WhenAnswered(directory.Answer);
            _bySource.Add(key, directory);
        }

        return directory;
    }
}
