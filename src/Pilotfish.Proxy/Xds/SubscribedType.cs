namespace Pilotfish.Proxy.Xds;

/// <summary>What is subscribed and held of one resource type on one control plane. Main loop.</summary>
internal sealed class SubscribedType(ResourceType type)
{
    /// <summary>Everything of a type as a name on a delta stream, where it has to be said beside other names.</summary>
    public const string Wildcard = "*";

    private readonly ResourceArchive _archive = new();

    public ResourceType Type { get; } = type;

    /// <summary>The owner of everything of this type; null when each name has owners of its own.</summary>
    public IResourceCollection? Collection { get; set; }

    /// <summary>Whether everything of the type is asked for, not only what is named.</summary>
    public bool IsWildcard { get; set; }

    /// <summary>
    /// Everything was asked for and is wanted no longer. On a stream of the state of the world there is no word for that: nothing is said, and
    /// what comes is dropped.
    /// </summary>
    public bool IsGivenUp { get; private set; }

    public ISubscriptionStats? Stats { get; set; }

    public SortedDictionary<string, SubscribedName> Names { get; } = new(StringComparer.Ordinal);

    /// <summary>Names that a <see cref="Collection"/> asks for one by one; null while it does not. They come to it like the rest.</summary>
    public DemandedNames? Demanded { get; set; }

    /// <summary>Last accepted versions by name; changed by <see cref="Keep"/> and <see cref="Forget"/>.</summary>
    public Dictionary<string, HeldResource> Held { get; } = new(StringComparer.Ordinal);

    /// <summary>Why the newest version of a resource was refused, until a good one comes.</summary>
    public Dictionary<string, RejectedUpdate> Refused { get; } = new(StringComparer.Ordinal);

    /// <summary>Changes since the last request of the present stream.</summary>
    public SortedSet<string> Added { get; } = new(StringComparer.Ordinal);

    public SortedSet<string> Removed { get; } = new(StringComparer.Ordinal);

    public bool IsWanted => IsWildcard || Names.Count > 0 || Demanded is { Count: > 0 };

    /// <summary>Whether the present stream carried a request of this type.</summary>
    public bool WasRequested { get; set; }

    /// <summary>A subscription was added or dropped and the control plane does not know it yet.</summary>
    public bool IsChanged { get; set; }

    /// <summary>State of the world: version and nonce of the last response.</summary>
    public string AcceptedVersion { get; set; } = "";

    public string Nonce { get; set; } = "";

    /// <summary>True from the first accepted response on.</summary>
    public bool HasArrived { get; set; }

    /// <summary>Asks for everything from now on, on behalf of an owner.</summary>
    public void Begin(IResourceCollection collection, ISubscriptionStats stats)
    {
        Collection = collection;
        Stats = stats;
        IsGivenUp = false;
        if (!IsWildcard)
        {
            IsWildcard = true;
            Added.Add(Wildcard);
        }
    }

    /// <summary>Asks for everything no longer. What is held goes: the next owner gets it anew.</summary>
    public void GiveUp()
    {
        Collection = null;
        Stats = null;
        IsWildcard = false;
        IsGivenUp = true;
        HasArrived = false;
        BeginVersionsAnew();
        foreach (string name in new List<string>(Held.Keys))
        {
            Forget(name);
        }

        Refused.Clear();
        if (!Added.Remove(Wildcard))
        {
            Removed.Add(Wildcard);
        }
    }

    /// <summary>The next request of the state of the world is as the first of its stream, so that everything is sent again.</summary>
    public void BeginVersionsAnew()
    {
        AcceptedVersion = "";
        Nonce = "";
    }

    /// <summary>Replaces what is held under the resource's name.</summary>
    public void Keep(in ArrivedResource arrived, DateTimeOffset now)
    {
        Forget(arrived.Name);
        // The name's one string, where somebody subscribed to it.
        string name = Names.TryGetValue(arrived.Name, out SubscribedName? subscribed) ? subscribed.Name : arrived.Name;
        Held.Add(name, _archive.Keep(name, arrived.Message.Unpack(), arrived.Version, now));
    }

    /// <summary>The stream ended: counts it, and tells the owners of names.</summary>
    public void StreamEnded()
    {
        WasRequested = false;
        Stats?.Failed();
        foreach (SubscribedName name in Names.Values)
        {
            foreach (IResourceConsumer consumer in name.Snapshot())
            {
                consumer.OnStreamEnded();
            }
        }
    }

    public void Forget(string name)
    {
        if (Held.Remove(name, out HeldResource? held))
        {
            _archive.Drop(held);
        }
    }
}
