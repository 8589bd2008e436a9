using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Pilotfish.Capture.Cni.Pods;

namespace Pilotfish.Capture.Cni.Repair;

/// <summary>Asks the Kubernetes API for the pods of one node and changes them.</summary>
internal sealed class KubernetesNodePods(KubernetesApi api, RepairOptions options, TimeProvider clock, TextWriter log) : INodePods
{
    private const string Source = "cni-repair";
    private const string JsonType = "application/json";
    private const string MergePatchType = "application/merge-patch+json";

    /// <summary>The API ends a watch by itself after this time; a connection that died silently is given up a little later.</summary>
    private static readonly TimeSpan s_watch = TimeSpan.FromMinutes(5);

    private static readonly TimeSpan s_watchGrace = TimeSpan.FromSeconds(30);

    private string What => options.NodeName.Length == 0 ? "the pods of all nodes" : $"the pods of node '{options.NodeName}'";

    public NodePodList List()
    {
        // What the API's cache has is new enough: the watch goes on from there.
        string path = "/api/v1/pods?resourceVersion=0" + Selectors();
        return NodePodJson.ParseList(api.Send(HttpMethod.Get, path, null, What), What);
    }

    public string Watch(string version, Action<NodePodChange> tell, CancellationToken ending)
    {
        string seconds = ((int)s_watch.TotalSeconds).ToString(CultureInfo.InvariantCulture);
        string path = $"/api/v1/pods?watch=true&allowWatchBookmarks=true&timeoutSeconds={seconds}" + Parameter("resourceVersion", version) + Selectors();
        string last = version;
        bool isKnown = api.Follow(path, What, s_watch + s_watchGrace, Read, ending);
        return isKnown ? last : throw new WatchExpiredException();

        void Read(ReadOnlyMemory<byte> line)
        {
            NodePodChange? change = NodePodJson.ParseEvent(line, What, out string reached);
            last = reached.Length > 0 ? reached : last;
            if (change is not null)
            {
                tell(change);
            }
        }
    }

    public void Delete(NodePod pod) => api.Send(
        HttpMethod.Delete,
        PathOf(pod),
        Content(
            new JsonObject
            {
                ["apiVersion"] = "v1",
                ["kind"] = "DeleteOptions",
                ["preconditions"] = new JsonObject { ["uid"] = pod.Uid, ["resourceVersion"] = pod.ResourceVersion },
            },
            JsonType),
        $"pod '{pod}'");

    /// <summary>Through the status, which is the smaller right; it can change labels as well.</summary>
    public void Label(NodePod pod, string key, string value) => api.Send(
        HttpMethod.Patch,
        PathOf(pod) + "/status",
        Content(new JsonObject { ["metadata"] = new JsonObject { ["labels"] = new JsonObject { [key] = value } } }, MergePatchType),
        $"pod '{pod}'");

    public void Tell(NodePod pod, string reason, string message)
    {
        string now = clock.GetUtcNow().ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
        var about = new JsonObject
        {
            ["apiVersion"] = "v1",
            ["kind"] = "Pod",
            ["namespace"] = pod.Namespace,
            ["name"] = pod.Name,
            ["uid"] = pod.Uid,
            ["resourceVersion"] = pod.ResourceVersion,
        };
        var body = new JsonObject
        {
            ["apiVersion"] = "v1",
            ["kind"] = "Event",
            ["metadata"] = new JsonObject { ["generateName"] = pod.Name + ".", ["namespace"] = pod.Namespace },
            ["involvedObject"] = about,
            ["reason"] = reason,
            ["message"] = message,
            ["type"] = "Warning",
            ["source"] = new JsonObject { ["component"] = Source },
            ["firstTimestamp"] = now,
            ["lastTimestamp"] = now,
            ["count"] = 1,
        };
        try
        {
            api.Send(HttpMethod.Post, $"/api/v1/namespaces/{Uri.EscapeDataString(pod.Namespace)}/events", Content(body, JsonType), $"an event of pod '{pod}'");
        }
        catch (PodLookupException e)
        {
            log.WriteLine($"warning: {e.Message}");
        }
    }

    private static StringContent Content(JsonObject body, string type) => new(body.ToJsonString(), Encoding.UTF8, type);

    private static string PathOf(NodePod pod) =>
        $"/api/v1/namespaces/{Uri.EscapeDataString(pod.Namespace)}/pods/{Uri.EscapeDataString(pod.Name)}";

    private static string Parameter(string name, string value) =>
        value.Length == 0 ? string.Empty : $"&{name}={Uri.EscapeDataString(value)}";

    private string Selectors() => Parameter("labelSelector", options.LabelSelectors) + Parameter("fieldSelector", FieldSelector());

    private string FieldSelector() => string.Join(
        ',', new[] { options.FieldSelectors, options.NodeName.Length == 0 ? "" : "spec.nodeName=" + options.NodeName }.Where(s => s.Length > 0));
}
