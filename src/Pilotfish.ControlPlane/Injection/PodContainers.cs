using Pilotfish.Api.Yaml;
using Pilotfish.ControlPlane.Injection.Merging;

namespace Pilotfish.ControlPlane.Injection;

/// <summary>Finding and moving the containers of a pod.</summary>
internal static class PodContainers
{
    public const string App = "containers";
    public const string Init = "initContainers";

    /// <summary>A container of that name, wherever it is; regular containers first.</summary>
    public static YamlMapping? Find(YamlMapping pod, string name) =>
        pod.Mapping("spec").FindNamed(App, name) ?? pod.Mapping("spec").FindNamed(Init, name);

    /// <summary>All containers, init containers first.</summary>
    public static IEnumerable<YamlMapping> All(YamlMapping pod) =>
        pod.Mapping("spec").Items(Init).Concat(pod.Mapping("spec").Items(App));

    public static void Remove(YamlMapping pod, string list, string name) =>
        pod.Mapping("spec")?.Sequence(list)?.Items.RemoveAll(item => item.TextAt("name") == name);

    public static void MoveFirst(YamlMapping pod, string list, string name) => Move(pod, list, name, toEnd: false);

    public static void MoveLast(YamlMapping pod, string list, string name) => Move(pod, list, name, toEnd: true);

    /// <summary>Moves a container from the regular ones to the end of the init containers.</summary>
    public static void MoveToInit(YamlMapping pod, string name)
    {
        var spec = pod.Ensure("spec");
        if (spec.FindNamed(App, name) is { } container)
        {
            spec.Sequence(App)!.Items.Remove(container);
            spec.EnsureList(Init).Items.Add(container);
        }
    }

    private static void Move(YamlMapping pod, string list, string name, bool toEnd)
    {
        if (pod.Mapping("spec").FindNamed(list, name) is not { } container)
        {
            return;
        }

        var items = pod.Mapping("spec")!.Sequence(list)!.Items;
        items.Remove(container);
        items.Insert(toEnd ? items.Count : 0, container);
    }
}
