//! What a program can find here: tools, resources, a prompt.

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, ContentBlock, GetPromptRequestParams,
    GetPromptResponse, GetPromptResult, Implementation, ListPromptsResult,
    ListResourceTemplatesResult, ListResourcesResult, ListToolsResult, PaginatedRequestParams,
    Prompt, PromptArgument, PromptMessage, ReadResourceRequestParams, ReadResourceResponse,
    ReadResourceResult, ResourceContents, ResourceTemplate, Role, ServerCapabilities, ServerConfig,
    Tool,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler};

use super::desk::McpServer;
use super::places::{ADDRESS, OFFSET, address_from, next_cursor, piece, position, resource};
use super::shapes;
use super::tools::{Kind, described};
use crate::model::{Filter, Scope};

/// Documents on a page of resources.
const PAGE: usize = 100;
/// The one prompt.
const ASK: &str = "ask";

impl ServerHandler for McpServer {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_resources()
            .enable_prompts()
            .build();
        ServerConfig::new(capabilities)
            .with_server_info(Implementation::new(
                env!("CARGO_PKG_NAME"),
                env!("CARGO_PKG_VERSION"),
            ))
            .with_instructions(
                "Searches and answers from one collection of documents. Take `answer` for a question: every \
                 quote in its citations was looked up in the stored text. Take `search` and `fetch` to read \
                 for yourself. Where `answered` is false the documents do not cover the question.",
            )
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(described()))
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        described().into_iter().find(|tool| tool.name == name)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let kind = Kind::of_name(&request.name).ok_or_else(|| {
            ErrorData::invalid_params(format!("there is no tool {:?}", request.name), None)
        })?;
        let cancelled = context.ct.clone();
        let arguments = request.arguments.unwrap_or_default();
        let work = self.call(kind, arguments, &context);
        tokio::select! {
            result = work => Ok(result?.into()),
            () = cancelled.cancelled() => Err(ErrorData::internal_error("cancelled", None)),
        }
    }

    async fn list_resources(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        self.admit(&context, Scope::Retrieve)?;
        let cursor = request.and_then(|request| request.cursor);
        let page = self
            .assistant
            .documents
            .list(&Filter::default(), cursor.as_deref(), PAGE);
        let resources = page.documents.iter().map(resource).collect();
        let mut result = ListResourcesResult::with_all_items(resources);
        result.next_cursor = next_cursor(&page);
        Ok(result)
    }

    async fn list_resource_templates(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        let template = ResourceTemplate::new(format!("{ADDRESS}{{id}}{{?offset}}"), "document")
            .with_title("A document")
            .with_description(
                "The text of a document by its id; where it is long, from a byte of it on.",
            )
            .with_mime_type("text/plain");
        Ok(ListResourceTemplatesResult::with_all_items(vec![template]))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        self.admit(&context, Scope::Retrieve)?;
        let unknown = || ErrorData::resource_not_found("there is no such document", None);
        let place = request.uri.strip_prefix(ADDRESS).ok_or_else(unknown)?;
        let (id, offset) = match place.split_once(OFFSET) {
            Some((id, offset)) => (id, position(offset)?),
            None => (place, 0),
        };
        let found = piece(&self.assistant, id, offset).map_err(|_| unknown())?;
        let mut contents = vec![ResourceContents::text(found.text, request.uri.clone())];
        if let Some(next) = found.next {
            let more = format!("The document goes on at {}", address_from(id, next));
            contents.push(ResourceContents::text(more, address_from(id, next)));
        }
        Ok(ReadResourceResult::new(contents).into())
    }

    async fn list_prompts(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        let question = PromptArgument::new("question")
            .with_description("What to find out")
            .with_required(true);
        let prompt = Prompt::new(
            ASK,
            Some("Answer a question from the documents, with its sources"),
            Some(vec![question]),
        );
        Ok(ListPromptsResult::with_all_items(vec![prompt]))
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        if request.name != ASK {
            let message = format!("there is no prompt {:?}", request.name);
            return Err(ErrorData::invalid_params(message, None));
        }
        let question = shapes::text(request.arguments.as_ref(), "question")?;
        let said = format!(
            "Answer this question with the tool `answer`. Keep its citations, and say so if the documents \
             do not cover it.\n\n{question}"
        );
        let message = PromptMessage::new(Role::User, ContentBlock::text(said));
        Ok(GetPromptResult::new(vec![message]).into())
    }
}
