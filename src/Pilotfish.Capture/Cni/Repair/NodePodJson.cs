using System.Text.Json;
using Pilotfish.Api.Failures;
using Pilotfish.Capture.Cni.Pods;

namespace Pilotfish.Capture.Cni.Repair;

/// <summary>Reads pods, lists and watch events as the Kubernetes API prints it.</summary>
internal static class NodePodJson
{
    /// <summary>HTTP's "Gone", with which the API answers for versions that it no longer keeps.</summary>
    private const long Expired = 410;

    /// <param name="what">What was asked for, in words.</param>
    /// <exception cref="PodLookupException">The text is something else.</exception>
    public static NodePodList ParseList(ReadOnlyMemory<byte> json, string what)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            return new NodePodList(
                Version(document.RootElement), [.. PodJson.Items(document.RootElement, "items").Select(Parse)]);
        }
        catch (JsonException e)
        {
            throw new PodLookupException($"The Kubernetes API gave something else than {what}: {FailureText.Of(e)}.", e);
        }
    }

    /// <summary>Reads one line of a watch.</summary>
    /// <param name="json">The event.</param>
    /// <param name="what">What was asked for, in words.</param>
    /// <param name="version">The version to go on from afterwards; empty where the event has none.</param>
    /// <returns>Null for an event that changes nothing: a bookmark, or a kind of a newer API.</returns>
    /// <exception cref="WatchExpiredException">The event says that the version is too old.</exception>
    /// <exception cref="PodLookupException">It says another error, or is no event.</exception>
    public static NodePodChange? ParseEvent(ReadOnlyMemory<byte> json, string what, out string version)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            JsonElement about = PodJson.Child(document.RootElement, "object");
            version = Version(about);
            return PodJson.Text(document.RootElement, "type") switch
            {
                "ADDED" or "MODIFIED" => new NodePodChange.Put(Parse(about)),
                "DELETED" => new NodePodChange.Gone(Parse(about)),
                "ERROR" => throw Failed(about, what),
                _ => null,
            };
        }
        catch (JsonException e)
        {
            throw new PodLookupException($"The Kubernetes API watches {what} and gave no event: {FailureText.Of(e)}.", e);
        }
    }

    private static Exception Failed(JsonElement status, string what) => PodJson.Number(status, "code") == Expired
        ? new WatchExpiredException()
        : new PodLookupException($"The Kubernetes API ended the watch of {what}: {PodJson.Text(status, "message")}.");

    private static string Version(JsonElement about) => PodJson.Text(PodJson.Child(about, "metadata"), "resourceVersion");

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
