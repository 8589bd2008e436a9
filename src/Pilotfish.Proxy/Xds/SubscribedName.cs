namespace Pilotfish.Proxy.Xds;

/// <summary>One name that somebody subscribes to, and who. Nearly every name has one owner, who is kept without a list.</summary>
internal sealed class SubscribedName(string name)
{
    // Null, an IResourceConsumer, or a List of them in the order in which they came.
    private object? _consumers;

    public string Name { get; } = name;

    public bool IsEmpty => _consumers is null;

    public void Add(IResourceConsumer consumer) => _consumers = _consumers switch
    {
        null => consumer,
        List<IResourceConsumer> list => Appended(list, consumer),
        _ => new List<IResourceConsumer> { (IResourceConsumer)_consumers, consumer },
    };

    public void Remove(IResourceConsumer consumer)
    {
        if (_consumers == consumer)
        {
            _consumers = null;
        }
        else if (_consumers is List<IResourceConsumer> list)
        {
            list.Remove(consumer);
            _consumers = list.Count == 1 ? list[0] : list;
        }
    }

    /// <summary>The owners of this moment, in the order in which they came: one may subscribe or unsubscribe while it is called.</summary>
    public IResourceConsumer[] Snapshot() => _consumers switch
    {
        null => [],
        List<IResourceConsumer> list => [.. list],
        _ => [(IResourceConsumer)_consumers],
    };

    private static List<IResourceConsumer> Appended(List<IResourceConsumer> list, IResourceConsumer consumer)
    {
        list.Add(consumer);
        return list;
    }
}
