using Google.Protobuf;
using Pilotfish.Proxy.Xds;

namespace Pilotfish.Agent.Lifecycle;

/// <summary>A resource that is the agent's own: the control plane sends one that says it all, and its removal leaves the last one in force.</summary>
internal sealed class AgentResource<T>(MessageParser<T> parser, Action<T> onResource) : IResourceCollection
    where T : IMessage<T>
{
    public void Apply(IReadOnlyList<ResourceUpdate> added, IReadOnlyList<string> removed, List<RejectedResource> rejected)
    {
        foreach (ResourceUpdate update in added)
        {
            try
            {
                onResource(parser.ParseFrom(update.Message.Span));
            }
            catch (InvalidProtocolBufferException e)
            {
                rejected.Add(new RejectedResource(update.Name, $"the resource is not a valid {typeof(T).Name}: {e.Message}"));
            }
        }
    }
}
