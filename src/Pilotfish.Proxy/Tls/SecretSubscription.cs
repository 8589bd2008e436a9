using Envoy.Extensions.TransportSockets.Tls.V3;
using Google.Protobuf;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Xds;

namespace Pilotfish.Proxy.Tls;

/// <summary>One SDS secret, applied whenever a new version comes. Main loop.</summary>
internal sealed class SecretSubscription(Action<Secret> apply) : IResourceConsumer, IDisposable
{
    private IDisposable? _subscription;

    /// <summary>Called once when the first version, or its absence, is known.</summary>
    public Action? OnKnown { get; set; }

    public void Start(ISubscriptions subscriptions, SdsSecretConfig config)
    {
        _subscription = subscriptions.Subscribe(ResourceType.Secret, config.Name, this, config.SdsConfig);
    }

    public void OnResource(string name, ReadOnlyMemory<byte> message, string version)
    {
        try
        {
            apply(Secret.Parser.ParseFrom(message.Span));
        }
        catch (InvalidProtocolBufferException e)
        {
            throw new ConfigRejectedException("", $"the resource is not a valid Secret: {e.Message}", e);
        }

        Known();
    }

    /// <summary>The last secret stays in force: connections of running services must not fail because a server forgot it.</summary>
    public void OnRemoved(string name) => Known();

    public void OnInitialFetchTimeout(string name) => Known();

    public void Dispose() => _subscription?.Dispose();

    private void Known()
    {
        Action? known = OnKnown;
        OnKnown = null;
        known?.Invoke();
    }
}
