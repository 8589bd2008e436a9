using Pilotfish.Proxy.Config;
using Pilotfish.Runtime.Diagnostics;
using Pilotfish.Runtime.Loops;

namespace Pilotfish.Proxy.Xds;

/// <summary>
/// Subscriptions to one control plane and the resources held from it; knows nothing of how they are requested. Updates go to
/// owners one resource at a time: good ones apply, each bad one is named. Main loop.
/// </summary>
internal sealed class ResourceTable(EventLoop loop) : ISubscriptions
{
    private readonly Dictionary<ResourceType, SubscribedType> _types = [];
    private bool _changeAnnounced;

    /// <summary>Told once after any number of subscription changes of a turn, so that one request carries them all.</summary>
    public Action? OnChanged { get; set; }

    /// <summary>Told the bytes of the resources that each response brought, after they were applied.</summary>
    public Action<long>? OnApplied { get; set; }

    /// <summary>Types in request order.</summary>
    public IEnumerable<SubscribedType> Types
    {
        get
        {
            foreach (ResourceType type in ResourceType.All)
            {
                if (_types.TryGetValue(type, out SubscribedType? subscribed))
                {
                    yield return subscribed;
                }
            }
        }
    }

    public SubscribedType Type(ResourceType type)
    {
        if (!_types.TryGetValue(type, out SubscribedType? subscribed))
        {
            subscribed = new SubscribedType(type);
            _types.Add(type, subscribed);
        }

        return subscribed;
    }

    /// <summary>Subscribes to everything of a type until the result is disposed.</summary>
    public IDisposable SubscribeAll(ResourceType type, IResourceCollection collection, ISubscriptionStats stats)
    {
        SubscribedType subscribed = Type(type);
        subscribed.Begin(collection, stats);
        Changed(subscribed);
        return new EverythingSubscription(this, subscribed, collection);
    }

    /// <summary>
    /// Names of a type that are asked for when they are needed, on top of everything or, when nobody subscribed to that, alone. What comes
    /// goes to the owner of everything, or else to <paramref name="collection"/>.
    /// </summary>
    public IDemandedNames Demand(ResourceType type, IResourceCollection collection, ISubscriptionStats stats)
    {
        SubscribedType subscribed = Type(type);
        subscribed.Collection ??= collection;
        subscribed.Stats ??= stats;
        return subscribed.Demanded ??= new DemandedNames(subscribed, () => Changed(subscribed));
    }

    public IDisposable Subscribe(ResourceType type, string name, IResourceConsumer consumer)
    {
        SubscribedType subscribed = Type(type);
        if (!subscribed.Names.TryGetValue(name, out SubscribedName? entry))
        {
            entry = new SubscribedName(name);
            subscribed.Names.Add(name, entry);
            if (!subscribed.Removed.Remove(name))
            {
                subscribed.Added.Add(name);
            }

            Changed(subscribed);
        }

        entry.Add(consumer);
        if (subscribed.Held.TryGetValue(name, out HeldResource? held))
        {
            // Accepted before by another owner, or by this one's predecessor; a refusal now has no request to answer.
            if (Give(consumer, name, held.Message(), held.Version) is { } reason)
            {
                Log.Warning(LogComponent.Config, $"{type.ShortName} resource '{name}' cannot be used: {reason}");
            }
        }

        return new Subscription(this, subscribed, entry, consumer);
    }

    /// <summary>Applies what one response brought.</summary>
    public void Apply(
        SubscribedType type, IReadOnlyList<ArrivedResource> added, IReadOnlyList<string> removed, List<RejectedResource> rejected)
    {
        if (type.Collection is { } collection)
        {
            collection.Apply(new ArrivedUpdates(added), removed, rejected);
        }
        else
        {
            foreach (ArrivedResource arrived in added)
            {
                GiveToAll(type, in arrived, rejected);
            }

            foreach (string name in removed)
            {
                TellRemoved(type, name);
            }
        }

        Keep(type, added, removed, rejected);
        type.HasArrived = true;
        if (OnApplied is { } onApplied)
        {
            long bytes = 0;
            foreach (ArrivedResource arrived in added)
            {
                bytes += arrived.Message.Length;
            }

            onApplied(bytes);
        }
    }

    private static void GiveToAll(SubscribedType type, in ArrivedResource arrived, List<RejectedResource> rejected)
    {
        if (!type.Names.TryGetValue(arrived.Name, out SubscribedName? entry))
        {
            // Unsubscribed while the response was on its way.
            return;
        }

        byte[] message = arrived.Message.Unpack();
        foreach (IResourceConsumer consumer in entry.Snapshot())
        {
            if (Give(consumer, arrived.Name, message, arrived.Version) is { } reason)
            {
                rejected.Add(new RejectedResource(arrived.Name, reason));
                return;
            }
        }
    }

    // Null when the consumer took it.
    private static string? Give(IResourceConsumer consumer, string name, ReadOnlyMemory<byte> message, string version)
    {
        try
        {
            consumer.OnResource(name, message, version);
            return null;
        }
        catch (ConfigRejectedException e)
        {
            return e.Message;
        }
        catch (Google.Protobuf.InvalidProtocolBufferException e)
        {
            return $"the bytes are not a valid message: {e.Message}";
        }
    }

    private static void TellRemoved(SubscribedType type, string name)
    {
        if (type.Names.TryGetValue(name, out SubscribedName? entry))
        {
            foreach (IResourceConsumer consumer in entry.Snapshot())
            {
                consumer.OnRemoved(name);
            }
        }
    }

    private void Keep(
        SubscribedType type, IReadOnlyList<ArrivedResource> added, IReadOnlyList<string> removed, List<RejectedResource> rejected)
    {
        DateTimeOffset now = loop.WallNow;
        Dictionary<string, string> reasons = new(StringComparer.Ordinal);
        foreach (RejectedResource resource in rejected)
        {
            reasons.TryAdd(resource.Name, resource.Reason);
        }

        foreach (ArrivedResource arrived in added)
        {
            if (reasons.TryGetValue(arrived.Name, out string? reason))
            {
                type.Refused[arrived.Name] = new RejectedUpdate(reason, arrived.Version, now);
            }
            else if (type.Collection is not null || type.Names.ContainsKey(arrived.Name))
            {
                type.Refused.Remove(arrived.Name);
                type.Keep(in arrived, now);
            }
        }

        foreach (string name in removed)
        {
            type.Forget(name);
            type.Refused.Remove(name);
        }
    }

    private void Unsubscribe(SubscribedType type, SubscribedName entry, IResourceConsumer consumer)
    {
        entry.Remove(consumer);
        if (!entry.IsEmpty || !type.Names.TryGetValue(entry.Name, out SubscribedName? current) || current != entry)
        {
            return;
        }

        type.Names.Remove(entry.Name);
        type.Forget(entry.Name);
        type.Refused.Remove(entry.Name);
        if (!type.Added.Remove(entry.Name))
        {
            type.Removed.Add(entry.Name);
        }

        Changed(type);
    }

    private void Changed(SubscribedType type)
    {
        type.IsChanged = true;
        if (!_changeAnnounced)
        {
            _changeAnnounced = true;
            loop.Post(static state => ((ResourceTable)state!).AnnounceChange(), this);
        }
    }

    private void AnnounceChange()
    {
        _changeAnnounced = false;
        OnChanged?.Invoke();
    }

    private sealed class EverythingSubscription(ResourceTable table, SubscribedType type, IResourceCollection collection) : IDisposable
    {
        public void Dispose()
        {
            if (type.Collection == collection)
            {
                type.GiveUp();
                table.Changed(type);
            }
        }
    }

    private sealed class Subscription(
        ResourceTable table, SubscribedType type, SubscribedName entry, IResourceConsumer consumer) : IDisposable
    {
        private bool _disposed;

        public void Dispose()
        {
            if (!_disposed)
            {
                _disposed = true;
                table.Unsubscribe(type, entry, consumer);
            }
        }
    }
}
