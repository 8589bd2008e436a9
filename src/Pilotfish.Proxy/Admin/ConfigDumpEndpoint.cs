using Envoy.Admin.V3;
using Envoy.Config.Bootstrap.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Api.Failures;
using Pilotfish.Api.Messages;
using Pilotfish.Language.Re2;
using Pilotfish.Proxy.Http1.InternalServer;
using Pilotfish.Proxy.Routing.Discovery;
using Pilotfish.Proxy.Routing.Scopes;
using Pilotfish.Proxy.Xds;

namespace Pilotfish.Proxy.Admin;

/// <summary>
/// /config_dump: the bootstrap and every held resource, unpacked from their compressed bytes for this one answer.
/// </summary>
internal sealed class ConfigDumpEndpoint(
    HeldResource bootstrap,
    ResourceTable fixedResources,
    ScopedRouteDirectories scopes,
    VirtualHostDirectories hosts,
    Func<IEnumerable<ResourceTable>> tables)
{
    public AdminEndpoint Endpoint => AdminEndpoint.Get("/config_dump", "dump current configs", Answer);

    private void Answer(InternalRequest request, InternalResponse response)
    {
        MessageMask? mask = null;
        if (request.Query("mask") is { } paths)
        {
            mask = MessageMask.Parse(paths, out string? problem);
            if (mask is null)
            {
                Refuse(response, 400, problem + "\n");
                return;
            }
        }

        Re2Regex? names = null;
        if (request.Query("name_regex") is { } expression)
        {
            try
            {
                names = Re2Regex.Compile(expression);
            }
            catch (Re2SyntaxException e)
            {
                Refuse(response, 400, $"Error while parsing name_regex from {expression}: {FailureText.Of(e)}\n");
                return;
            }
        }

        bool endpoints = request.Query("include_eds") is not null;
        List<IMessage> sections = Sections(name => names is null || names.IsFullMatch(name), endpoints);
        ConfigDump dump = new();
        if (request.Query("resource") is { } resource)
        {
            if (FindResource(sections, resource) is not { } items)
            {
                Refuse(response, 404, $"{resource} not found in config dump\n");
                return;
            }

            sections = items;
        }

        // A mask names fields of the resource, or of the sections: those that it does not fit are left out.
        foreach (IMessage section in sections)
        {
            if (mask is null || mask.TryTrim(section))
            {
                dump.Configs.Add(Any.Pack(section));
            }
        }

        if (mask is not null && dump.Configs.Count == 0 && sections.Count > 0)
        {
            Refuse(response, 400, $"FieldMask {request.Query("mask")} could not be successfully applied to any configs.\n");
            return;
        }

        response.ContentType = "application/json";
        JsonPrinter.Print(dump, response.Body, JsonPrintOptions.EnvoyAdmin);
    }

    // A resource is a repeated field of some section, by its proto name: its items become the answer.
    private static List<IMessage>? FindResource(List<IMessage> sections, string resource)
    {
        foreach (IMessage section in sections)
        {
            if (section.Descriptor.FindFieldByName(resource) is not { } field)
            {
                continue;
            }

            List<IMessage> items = [];
            object? value = field.Accessor.GetValue(section);
            if (field.IsRepeated)
            {
                foreach (object item in (System.Collections.IEnumerable)value)
                {
                    items.Add((IMessage)item);
                }
            }
            else if (value is IMessage single)
            {
                items.Add(single);
            }

            return items;
        }

        return null;
    }

    private static void Refuse(InternalResponse response, int status, string text)
    {
        response.Status = status;
        response.Write(text);
    }

    private List<IMessage> Sections(Func<string, bool> passes, bool endpoints)
    {
        DumpBuilder builder = new(passes, hosts.Users);
        builder.AddInlineScopes(scopes.Slots);
        foreach (SubscribedType type in fixedResources.Types)
        {
            builder.AddStatic(type);
        }

        foreach (ResourceTable table in tables())
        {
            foreach (SubscribedType type in table.Types)
            {
                builder.AddDynamic(type);
                builder.AddDynamicScopes(type, scopes.Slots);
            }
        }

        List<IMessage> sections =
        [
            new BootstrapConfigDump
            {
                Bootstrap = Bootstrap.Parser.ParseFrom(bootstrap.Message()),
                LastUpdated = Timestamp.FromDateTimeOffset(bootstrap.Updated),
            },
            builder.Clusters,
        ];
        if (endpoints)
        {
            sections.Add(builder.Endpoints);
        }

        sections.AddRange(
            [builder.Listeners, builder.ScopedRoutes, builder.Routes, builder.Secrets, builder.Extensions]);
        return sections;
    }
}
