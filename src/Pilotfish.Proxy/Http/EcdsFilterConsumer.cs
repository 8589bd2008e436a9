using Envoy.Config.Core.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Listeners;
using Pilotfish.Proxy.Network;
using Pilotfish.Proxy.Xds;
using FilterMessage = Envoy.Extensions.Filters.Network.HttpConnectionManager.V3.HttpFilter;

namespace Pilotfish.Proxy.Http;

/// <summary>Keeps one slot of a filter chain filled from ECDS: waits at first, falls back to the default config, or fails closed.</summary>
internal sealed class EcdsFilterConsumer : IResourceConsumer
{
    private readonly HttpFilterSlot _slot;
    private readonly ExtensionConfigSource _source;
    private readonly HttpFilterContext _context;
    private readonly HttpFilterModel? _default;
    private readonly Warming.Target? _warming;
    private readonly ExtensionDiscoveryStats.Entry _stats;

    private EcdsFilterConsumer(
        HttpFilterSlot slot, ExtensionConfigSource source, HttpFilterContext context, HttpFilterModel? fallback, Warming.Target? warming)
    {
        _stats = context.Config.ExtensionDiscovery.Of(context.Config.Stats, "http_filter", slot.Name);
        _slot = slot;
        _source = source;
        _context = context;
        _default = fallback;
        _warming = warming;
    }

    public static HttpFilterSlot Subscribe(
        FilterMessage filter, ExtensionConfigSource source,
        NetworkFilterContext network, HttpFilterContext context, string field)
    {
        HttpFilterModel? fallback = source.DefaultConfig is null
            ? null
            : HttpFilterCompiler.Compile(source.DefaultConfig, filter.Name, $"{field}.default_config", context);
        var slot = new HttpFilterSlot(filter.Name, filter.Disabled, fallback);
        Warming.Target? warming = source.ApplyDefaultConfigWithoutWarming ? null : network.Warming.Add($"ECDS {filter.Name}");
        var consumer = new EcdsFilterConsumer(slot, source, context, fallback, warming);
        context.Owned.Add(consumer._stats);
        context.Owned.Add(context.Config.Subscriptions.Subscribe(ResourceType.Extension, filter.Name, consumer, source.ConfigSource));
        return slot;
    }

    public void OnResource(string name, ReadOnlyMemory<byte> message, string version)
    {
        ulong hash = ExtensionDiscoveryStats.HashOf(message);
        try
        {
            Accept(name, message);
        }
        catch (ConfigRejectedException)
        {
            _stats.Refused(hash);
            throw;
        }

        _stats.Accepted(hash);
    }

    private void Accept(string name, ReadOnlyMemory<byte> message)
    {
        TypedExtensionConfig config;
        try
        {
            config = TypedExtensionConfig.Parser.ParseFrom(message.Span);
        }
        catch (InvalidProtocolBufferException exception)
        {
            throw new ConfigRejectedException("", exception.Message, exception);
        }

        RequireListed(config.TypedConfig);
        _slot.Set(HttpFilterCompiler.Compile(config.TypedConfig, name, "typed_config", _context));
        _warming?.Ready();
    }

    public void OnRemoved(string name)
    {
        _slot.Set(_default);
        _stats.Removed();
    }

    public void OnInitialFetchTimeout(string name)
    {
        _stats.TimedOut();
        _warming?.Ready();
    }

    private void RequireListed(Any? config)
    {
        if (_source.TypeUrls.Count > 0 && config is not null && !_source.TypeUrls.Contains(config.TypeUrl))
        {
            throw new ConfigRejectedException("typed_config", $"type '{config.TypeUrl}' is not among the type_urls of the filter");
        }
    }
}
