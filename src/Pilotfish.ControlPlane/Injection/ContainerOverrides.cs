using System.Globalization;
using Pilotfish.Api.Yaml;
using Pilotfish.ControlPlane.Injection.Merging;
using Pilotfish.ControlPlane.Injection.Shapes;

namespace Pilotfish.ControlPlane.Injection;

/// <summary>Containers that a user defined under the names of injected ones: their values win over the template's. They are
/// kept in an annotation, because after injection they cannot be told from the template's any more.</summary>
internal static class ContainerOverrides
{
    /// <summary>The image by which a user leaves the choice to the injector; Kubernetes insists on some image.</summary>
    private const string AutoImage = "auto";

    /// <summary>Puts recorded containers back that an earlier injection's removal took along.</summary>
    public static void Reinsert(YamlMapping pod)
    {
        if (Recorded(pod) is not { } recorded)
        {
            return;
        }

        foreach (var list in new[] { PodContainers.App, PodContainers.Init })
        {
            foreach (var container in recorded.Items(list))
            {
                if (pod.Mapping("spec").FindNamed(list, container.Text("name") ?? "") is null)
                {
                    pod.Ensure("spec").EnsureList(list).Items.Add(container.Clone());
                }
            }
        }
    }

    /// <summary>Lays the user's containers over the injected ones and records them. In a pod that was injected before, what
    /// was recorded then is the user's; the containers that its status lists are the injector's.</summary>
    /// <param name="merged">The pod with the templates applied.</param>
    /// <param name="original">The pod as it came.</param>
    /// <param name="template">What the templates rendered.</param>
    public static YamlMapping Reapply(YamlMapping merged, YamlMapping original, YamlMapping template)
    {
        var recorded = Recorded(original);
        var status = InjectionStatus.Read(original);
        var found = new YamlMapping();
        foreach (var container in template.Mapping("spec").Items(PodContainers.App))
        {
            var name = container.Text("name") ?? "";
            var own = status?.Containers.Contains(name) == true ? null : original.Mapping("spec").FindNamed(PodContainers.App, name);
            merged = Lay(merged, PodContainers.App, found, recorded.FindNamed(PodContainers.App, name) ?? own);
        }

        foreach (var container in template.Mapping("spec").Items(PodContainers.Init))
        {
            var name = container.Text("name") ?? "";
            // A native sidecar is an init container, but users write its overrides among the regular ones.
            var own = status?.InitContainers.Contains(name) == true ? null : PodContainers.Find(original, name);
            merged = Lay(merged, PodContainers.Init, found, recorded.FindNamed(PodContainers.Init, name) ?? own);
        }

        var wasInjected = original.At("metadata", "annotations", InjectionKeys.Status) is not null;
        if (!wasInjected && found.Count > 0)
        {
            merged.Ensure("metadata").Ensure("annotations").Set(InjectionKeys.Overrides, NodeJson.Print(found));
        }

        return merged;
    }

    /// <summary>Makes the container that sets up capture agree with a user's choice of ids for the proxy.</summary>
    public static void AlignUser(YamlMapping merged, YamlMapping original, bool meshIsTransparent)
    {
        var chosen = PodContainers.Find(original, ContainerNames.Proxy)?.Mapping("securityContext");
        var (user, group) = (chosen?["runAsUser"], chosen?["runAsGroup"]);
        var setup = merged.Mapping("spec").FindNamed(PodContainers.Init, ContainerNames.Init)
            ?? merged.Mapping("spec").FindNamed(PodContainers.Init, ContainerNames.Validation);
        if (setup is null || (user is null && group is null))
        {
            return;
        }

        var isTransparent = meshIsTransparent
            || merged.TextAt("metadata", "annotations", InjectionKeys.InterceptionMode) == "TPROXY";
        if (isTransparent && user is not null)
        {
            // Transparent proxying needs root.
            PodContainers.Find(merged, ContainerNames.Proxy)!.Ensure("securityContext")["runAsUser"] = YamlScalar.Integer(0);
        }

        if (!isTransparent && setup.Text("name") == ContainerNames.Validation)
        {
            CopyId(setup, "runAsUser", user);
            CopyId(setup, "runAsGroup", group);
        }

        // Rules that exempt root would exempt too much, so uid 0 never becomes the rules' owner.
        if (user is YamlScalar scalar && scalar.TryGetInteger(out var uid) && uid != 0)
        {
            ReplaceOwner(setup, ((long)uid).ToString(CultureInfo.InvariantCulture));
        }
    }

    private static void CopyId(YamlMapping container, string key, YamlNode? id)
    {
        if (id is not null)
        {
            container.Ensure("securityContext")[key] = id.Clone();
        }
    }

    private static void ReplaceOwner(YamlMapping container, string uid)
    {
        var arguments = container.Sequence("args")?.Items ?? [];
        var at = arguments.FindIndex(argument => argument is YamlScalar { Text: "-u" });
        if (at >= 0 && at + 1 < arguments.Count)
        {
            arguments[at + 1] = YamlScalar.String(uid);
        }
    }

    private static YamlMapping Lay(YamlMapping merged, string list, YamlMapping found, YamlMapping? container)
    {
        if (container is null)
        {
            return merged;
        }

        var overlay = (YamlMapping)container.Clone();
        if (overlay.Text("image") == AutoImage)
        {
            overlay.Remove("image");
        }

        found.EnsureList(list).Items.Add(overlay);
        var patch = new YamlMapping();
        patch.Ensure("spec").EnsureList(list).Items.Add(overlay.Clone());
        return StrategicMerge.Apply(merged, patch, ShapeCatalog.Pod["Pod"]);
    }

    private static YamlMapping? Recorded(YamlMapping pod)
    {
        if (pod.TextAt("metadata", "annotations", InjectionKeys.Overrides) is not { } text)
        {
            return null;
        }

        var parsed = YamlDocuments.Parse(text, InjectionKeys.Overrides);
        return parsed.IsOk && parsed.Documents is [YamlMapping recorded]
            ? recorded
            : throw new InjectionException($"the annotation '{InjectionKeys.Overrides}' is no JSON object: '{ShownText.Of(text)}'");
    }
}
