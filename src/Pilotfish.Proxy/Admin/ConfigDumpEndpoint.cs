using System.Text.RegularExpressions;
using Envoy.Admin.V3;
using Envoy.Config.Bootstrap.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Api.Messages;
using Pilotfish.Proxy.Http1.InternalServer;
using Pilotfish.Proxy.Xds;

namespace Pilotfish.Proxy.Admin;

/// <summary>
/// /config_dump: the bootstrap and every held resource, unpacked from their compressed bytes for this one answer.
/// </summary>
internal sealed class ConfigDumpEndpoint(HeldResource bootstrap, ResourceTable fixedResources, Func<IEnumerable<ResourceTable>> tables)
{
    private static readonly TimeSpan s_filterLimit = TimeSpan.FromMilliseconds(200);

    public AdminEndpoint Endpoint => AdminEndpoint.Get("/config_dump", "dump current configs", Answer);

    private void Answer(InternalRequest request, InternalResponse response)
    {
        if (request.Query("mask") is not null)
        {
            response.Status = 400;
            response.Write("the mask parameter is not supported; use resource= and name_regex=\n");
            return;
        }

        Regex? names = null;
        if (request.Query("name_regex") is { } expression)
        {
            try
            {
                names = new Regex($"^(?:{expression})$", RegexOptions.CultureInvariant, s_filterLimit);
            }
            catch (ArgumentException e)
            {
                response.Status = 400;
                response.Write($"Error while parsing name_regex from {expression}: {e.Message}\n");
                return;
            }
        }

        bool endpoints = request.Query("include_eds") is not null;
        List<IMessage> sections = Sections(name => names is null || names.IsMatch(name), endpoints);
        ConfigDump dump = new();
        if (request.Query("resource") is { } resource)
        {
            if (!AddResource(dump, sections, resource))
            {
                response.Status = 404;
                response.Write($"{resource} not found in config dump\n");
                return;
            }
        }
        else
        {
            foreach (IMessage section in sections)
            {
                dump.Configs.Add(Any.Pack(section));
            }
        }

        response.ContentType = "application/json";
        JsonPrinter.Print(dump, response.Body, JsonPrintOptions.EnvoyAdmin);
    }

    // A resource is a repeated field of some section, by its proto name: its items become the answer.
    private static bool AddResource(ConfigDump dump, List<IMessage> sections, string resource)
    {
        foreach (IMessage section in sections)
        {
            if (section.Descriptor.FindFieldByName(resource) is not { } field)
            {
                continue;
            }

            object value = field.Accessor.GetValue(section);
            if (field.IsRepeated)
            {
                foreach (object item in (System.Collections.IEnumerable)value)
                {
                    dump.Configs.Add(Any.Pack((IMessage)item));
                }
            }
            else if (value is IMessage single)
            {
                dump.Configs.Add(Any.Pack(single));
            }

            return true;
        }

        return false;
    }

    private List<IMessage> Sections(Func<string, bool> passes, bool endpoints)
    {
        DumpBuilder builder = new(passes);
        foreach (SubscribedType type in fixedResources.Types)
        {
            builder.AddStatic(type);
        }

        foreach (ResourceTable table in tables())
        {
            foreach (SubscribedType type in table.Types)
            {
                builder.AddDynamic(type);
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
            [builder.Listeners, new ScopedRoutesConfigDump(), builder.Routes, builder.Secrets, builder.Extensions]);
        return sections;
    }
}
