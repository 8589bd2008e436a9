using Google.Protobuf;
using Pilotfish.Proxy.Xds;

namespace Pilotfish.Proxy.Tests.Transport;

/// <summary>A control plane in the test's hands.</summary>
internal sealed class ScriptedSubscriptions : ISubscriptions
{
    private readonly Dictionary<string, byte[]> _held = [];

    public List<(ResourceType Type, string Name, IResourceConsumer Consumer)> Subscribers { get; } = [];

    public IDisposable Subscribe(ResourceType type, string name, IResourceConsumer consumer)
    {
        var entry = (type, name, consumer);
        Subscribers.Add(entry);
        if (_held.TryGetValue(name, out byte[]? message))
        {
            consumer.OnResource(name, message, "1");
        }

        return new Subscription(() => Subscribers.Remove(entry));
    }

    /// <summary>Owners of everything of a type, and what to call when their first response was applied.</summary>
    public List<(ResourceType Type, IResourceCollection Collection, Action Known)> Collections { get; } = [];

    /// <summary>How many of them were given up.</summary>
    public int Ended { get; private set; }

    public SourceKey Identify(ResourceType type, Envoy.Config.Core.V3.ConfigSource source)
    {
        if (type != ResourceType.ScopedRoute
            && source.ConfigSourceSpecifierCase != Envoy.Config.Core.V3.ConfigSource.ConfigSourceSpecifierOneofCase.Ads)
        {
            throw new Config.ConfigRejectedException("", "the script has ADS only");
        }

        return SourceKey.Of(source);
    }

    public IDisposable SubscribeAll(
        ResourceType type, IResourceCollection collection, Envoy.Config.Core.V3.ConfigSource source, ISubscriptionStats stats, Action known)
    {
        Collections.Add((type, collection, known));
        return new Subscription(() => Ended++);
    }

    /// <summary>What is asked for by name on demand, by type and in the order of subscriptions.</summary>
    public List<ScriptedNames> Demands { get; } = [];

    public IDemandedNames SubscribeOnDemand(
        ResourceType type, IResourceCollection collection, Envoy.Config.Core.V3.ConfigSource source, ISubscriptionStats stats)
    {
        Demands.Add(new ScriptedNames(type, collection, Collections.LastOrDefault(owner => owner.Type == type).Known));
        return Demands[^1];
    }

    public void Push(string name, IMessage message)
    {
        _held[name] = message.ToByteArray();
        foreach ((_, string subscribed, IResourceConsumer consumer) in Subscribers.ToArray())
        {
            if (subscribed == name)
            {
                consumer.OnResource(name, _held[name], "2");
            }
        }
    }

    private sealed class Subscription(Action end) : IDisposable
    {
        public void Dispose() => end();
    }
}
