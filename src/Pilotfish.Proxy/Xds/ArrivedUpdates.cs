using System.Collections;

namespace Pilotfish.Proxy.Xds;

/// <summary>Shows a response's resources to their owner, each unpacked only when it is taken: never all at once.</summary>
internal sealed class ArrivedUpdates(IReadOnlyList<ArrivedResource> arrived) : IReadOnlyList<ResourceUpdate>
{
    public int Count => arrived.Count;

    public ResourceUpdate this[int index]
    {
        get
        {
            ArrivedResource resource = arrived[index];
            return new ResourceUpdate(resource.Name, resource.Message.Unpack(), resource.Version) { Aliases = resource.Aliases };
        }
    }

    public IEnumerator<ResourceUpdate> GetEnumerator()
    {
        for (int i = 0; i < arrived.Count; i++)
        {
            yield return this[i];
        }
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
