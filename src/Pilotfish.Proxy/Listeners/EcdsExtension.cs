using Envoy.Config.Core.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Xds;

namespace Pilotfish.Proxy.Listeners;

/// <summary>
/// A filter whose config comes by ECDS (config_discovery): the listener waits for its first version, or serves with default_config
/// meanwhile; without either the filter fails closed. A version takes over once what it waits for itself (its routes) is there. Main loop
/// but for <see cref="Current"/>, which any worker reads.
/// </summary>
/// <typeparam name="T">What a config compiles to; versions stay with the connections that have them.</typeparam>
internal sealed class EcdsExtension<T> : IResourceConsumer
    where T : class
{
    private readonly ExtensionConfigSource _source;
    private readonly Func<Any, string, Warming, T> _compile;
    private readonly Warming.Target? _awaited;
    private readonly T? _default;
    private readonly ExtensionDiscoveryStats.Entry _stats;
    private Warming? _arriving;
    private volatile T? _current;

    private EcdsExtension(
        ExtensionConfigSource source, Func<Any, string, Warming, T> compile, Warming.Target? awaited, T? fallback, ExtensionDiscoveryStats.Entry stats)
    {
        _stats = stats;
        _source = source;
        _compile = compile;
        _awaited = awaited;
        _default = fallback;
        _current = fallback;
    }

    /// <summary>The version in force; null when there is none.</summary>
    public T? Current => _current;

    /// <param name="kind">What statistics call such filters.</param>
    /// <param name="name">The filter's name, which is the resource's.</param>
    /// <param name="source">config_discovery.</param>
    /// <param name="field">Where it stands.</param>
    /// <param name="context">Whose subscriptions to use.</param>
    /// <param name="warming">What the listener waits for.</param>
    /// <param name="owned">Where the subscription ends with its filter.</param>
    /// <param name="compile">Makes a version of a typed_config, the field's name, and what that version waits for.</param>
    /// <exception cref="ConfigRejectedException">default_config is wrong.</exception>
    public static EcdsExtension<T> Subscribe(
        string kind, string name, ExtensionConfigSource source, string field, CompileContext context, Warming warming, ICollection<IDisposable> owned,
        Func<Any, string, Warming, T> compile)
    {
        T? fallback = source.DefaultConfig is null ? null : compile(source.DefaultConfig, $"{field}.default_config", warming);
        Warming.Target? awaited = source.ApplyDefaultConfigWithoutWarming ? null : warming.Add($"ECDS {name}");
        ExtensionDiscoveryStats.Entry stats = context.ExtensionDiscovery.Of(context.Stats, kind, name);
        owned.Add(stats);
        var extension = new EcdsExtension<T>(source, compile, awaited, fallback, stats);
        owned.Add(context.Subscriptions.Subscribe(ResourceType.Extension, name, extension, source.ConfigSource));
        return extension;
    }

    public void OnResource(string name, ReadOnlyMemory<byte> message, string version)
    {
        ulong hash = ExtensionDiscoveryStats.HashOf(message);
        try
        {
            Accept(message, hash);
        }
        catch (ConfigRejectedException)
        {
            _stats.Refused(hash);
            throw;
        }
    }

    private void Accept(ReadOnlyMemory<byte> message, ulong hash)
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

        Any typed = config.TypedConfig ?? new();
        if (_source.TypeUrls.Count > 0 && !_source.TypeUrls.Contains(typed.TypeUrl))
        {
            throw new ConfigRejectedException("typed_config", $"type '{typed.TypeUrl}' is not among the type_urls of the filter");
        }

        var warming = new Warming();
        T compiled = _compile(typed, "typed_config", warming);
        _arriving?.Abandon();
        _arriving = warming;
        warming.WhenReady(() =>
        {
            _current = compiled;
            _stats.Accepted(hash);
            _awaited?.Ready();
        });
    }

    public void OnRemoved(string name)
    {
        _arriving?.Abandon();
        _current = _default;
        _stats.Removed();
    }

    public void OnInitialFetchTimeout(string name)
    {
        _stats.TimedOut();
        _awaited?.Ready();
    }
}
