using Google.Protobuf;
using Pilotfish.Proxy.Xds;

namespace Pilotfish.Proxy.Tests.Transport;

/// <summary>Names that are asked for on demand, and a control plane in the test's hands that answers.</summary>
internal sealed class ScriptedNames(ResourceType type, IResourceCollection collection, Action? known) : IDemandedNames
{
    private Action<IReadOnlyList<string>>? _listeners;

    public ResourceType Type => type;

    /// <summary>Each question, in order.</summary>
    public List<string> Asked { get; } = [];

    public List<string> GivenUp { get; } = [];

    public void WhenAnswered(Action<IReadOnlyList<string>> listener) => _listeners += listener;

    public void StopAnswering(Action<IReadOnlyList<string>> listener) => _listeners -= listener;

    public void Ask(string name) => Asked.Add(name);

    public void GiveUp(string name) => GivenUp.Add(name);

    /// <summary>The first response was applied, or its time is over.</summary>
    public void Know() => known!();

    /// <summary>Resources by name, with their aliases; a name without a message is answered without content.</summary>
    /// <returns>What is refused, as name and reason.</returns>
    public List<(string Name, string Reason)> Send(params (string Name, IMessage? Message, string[] Aliases)[] resources) => Send(resources, []);

    public List<(string Name, string Reason)> Send((string Name, IMessage? Message, string[] Aliases)[] resources, params string[] removed)
    {
        List<RejectedResource> rejected = [];
        List<ResourceUpdate> added = [];
        List<string> named = [.. removed];
        foreach ((string name, IMessage? message, string[] aliases) in resources)
        {
            named.Add(name);
            named.AddRange(aliases);
            if (message is not null)
            {
                added.Add(new ResourceUpdate(name, message.ToByteArray(), "v") { Aliases = aliases });
            }
        }

        collection.Apply(added, removed, rejected);
        _listeners?.Invoke(named);
        return rejected.ConvertAll(static resource => (resource.Name, resource.Reason));
    }
}
