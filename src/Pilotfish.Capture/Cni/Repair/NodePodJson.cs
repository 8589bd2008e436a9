using System.Text.Json;
using Pilotfish.Capture.Cni.Pods;

namespace Pilotfish.Capture.Cni.Repair;

/// <summary>Reads a list of pods as the Kubernetes API prints it.</summary>
internal static class NodePodJson
{
    /// <param name="what">What was asked for, in words.</param>
    /// <exception cref="PodLookupException">The text is something else.</exception>
    public static IReadOnlyList<NodePod> ParseList(ReadOnlyMemory<byte> json, string what)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            return [.. PodJson.Items(document.RootElement, "items").Select(Parse)];
        }
        catch (JsonException e)
        {
            throw new PodLookupException($"The Kubernetes API gave something else than {what}: {e.Message}", e);
        }
    }

    private static NodePod Parse(JsonElement pod)
    {
        JsonElement metadata = PodJson.Child(pod, "metadata");
        JsonElement status = PodJson.Child(pod, "status");
        return new NodePod
        {
            Namespace = PodJson.Text(metadata, "namespace"),
            Name = PodJson.Text(metadata, "name"),
            Uid = PodJson.Text(metadata, "uid"),
            ResourceVersion = PodJson.Text(metadata, "resourceVersion"),
            Ip = PodJson.Text(status, "podIP"),
            Facts = PodJson.Read(pod),
            InitContainers = [.. PodJson.Items(status, "initContainerStatuses").Select(ParseStatus)],
        };
    }

    private static InitContainerStatus ParseStatus(JsonElement status) => new(
        PodJson.Text(status, "name"), ParseEnd(PodJson.Child(status, "state")), ParseEnd(PodJson.Child(status, "lastState")));

    private static ContainerEnd? ParseEnd(JsonElement state) =>
        PodJson.Child(state, "terminated") is { ValueKind: JsonValueKind.Object } end
            ? new ContainerEnd(PodJson.Number(end, "exitCode") ?? 0, PodJson.Text(end, "reason"), PodJson.Text(end, "message"))
            : null;
}
