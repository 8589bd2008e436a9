using Envoy.Config.Core.V3;
using Google.Protobuf;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Xds;
using RuntimeMessage = Envoy.Service.Runtime.V3.Runtime;

namespace Pilotfish.Proxy.RuntimeLayers;

/// <summary>A layer that a control plane serves (RTDS): one resource, named by the layer. Empty until it came. Main loop.</summary>
/// <param name="layer">Where its values are held.</param>
/// <param name="resource">The resource's name.</param>
/// <param name="source">Where it is asked for.</param>
/// <param name="reload">Loads the layers anew.</param>
internal sealed class RtdsLayer(HeldLayer layer, string resource, ConfigSource source, Action reload) : IResourceConsumer
{
    private Action? _known;

    /// <summary>Asks for the resource and runs the action once: it came, even if it was refused, or its time is over.</summary>
    public IDisposable Subscribe(ISubscriptions subscriptions, Action known)
    {
        _known = known;
        return subscriptions.Subscribe(ResourceType.Runtime, resource, this, source);
    }

    public void OnResource(string name, ReadOnlyMemory<byte> message, string version)
    {
        try
        {
            RuntimeMessage runtime = RuntimeMessage.Parser.ParseFrom(message.Span);
            if (runtime.Name != resource)
            {
                throw new ConfigRejectedException("name", $"Unexpected RTDS runtime (expecting {resource}): {runtime.Name}");
            }

            layer.Values = LayerValues.Of(runtime.Layer, "layer");
            reload();
        }
        catch (InvalidProtocolBufferException e)
        {
            throw new ConfigRejectedException("", e.Message, e);
        }
        finally
        {
            Known();
        }
    }

    public void OnRemoved(string name)
    {
        layer.Values = [];
        reload();
        Known();
    }

    public void OnInitialFetchTimeout(string name) => Known();

    private void Known()
    {
        Action? known = _known;
        _known = null;
        known?.Invoke();
    }
}
