using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Xds;

namespace Pilotfish.Proxy.Tests.Xds;

/// <summary>Owns a collection or named resources and writes down what happens; refuses names that begin with "bad".</summary>
internal sealed class RecordingOwner : IResourceCollection, IResourceConsumer
{
    public List<string> Events { get; } = [];

    /// <summary>Called after what a response brought was written down.</summary>
    public Action? OnApply { get; set; }

    public void Apply(IReadOnlyList<ResourceUpdate> added, IReadOnlyList<string> removed, List<RejectedResource> rejected)
    {
        foreach (ResourceUpdate update in added)
        {
            if (update.Name.StartsWith("bad", StringComparison.Ordinal))
            {
                rejected.Add(new RejectedResource(update.Name, "field: it is bad"));
            }
            else
            {
                Events.Add($"+{update.Name}@{update.Version}");
            }
        }

        foreach (string name in removed)
        {
            Events.Add($"-{name}");
        }

        OnApply?.Invoke();
    }

    public void OnResource(string name, ReadOnlyMemory<byte> message, string version)
    {
        if (name.StartsWith("bad", StringComparison.Ordinal))
        {
            throw new ConfigRejectedException("field", "it is bad");
        }

        Events.Add($"+{name}@{version}");
    }

    public void OnRemoved(string name) => Events.Add($"-{name}");

    public void OnInitialFetchTimeout(string name) => Events.Add($"timeout {name}");
}
